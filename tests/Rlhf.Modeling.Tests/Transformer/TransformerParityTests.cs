using System.Text.Json;
using Rlhf.Modeling.Checkpoints;
using Rlhf.Modeling.Transformer;
using Rlhf.TestSupport;
using TorchSharp;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Tests.Transformer;

/// <summary>
/// Logits, hidden states, losses and gradients of Hugging Face transformers, for every model directory with cases*.json among the
/// reference data (fixtures/transformers).
/// </summary>
[Trait("Category", "Parity")]
public sealed class TransformerParityTests
{
    /// <summary>Keys of a file that other tests read: what is generated from these models.</summary>
    private static readonly string[] GenerationKeys = ["greedy", "beam_search", "greedy_with_repetition_penalty_1.3", "filters"];

    private static readonly string[] FileKeys = ["model", "made_with", "tolerance", "note", "cases", .. GenerationKeys];

    private static readonly string[] CaseKeys =
    [
        "name", "input_ids", "attention_mask", "position_ids", "sequence_ids", "labels", "loss", "logits", "hidden_states", "gradient_norm",
        "gradients", "largest_logit_difference_when_run_in_fp64",
    ];

    public static TheoryData<string, string> Cases()
    {
        var data = new TheoryData<string, string>();
        foreach (var file in Files())
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(file));
            foreach (var item in json.RootElement.GetProperty("cases").EnumerateArray())
            {
                data.Add(Path.GetRelativePath(Folder()!, file), item.GetProperty("name").GetString()!);
            }
        }

        if (data.Count == 0)
        {
            data.Add("llama/cases.json", "single");
        }

        return data;
    }

    public static TheoryData<string> Models() =>
        [.. Files().Select(file => Path.GetFileName(Path.GetDirectoryName(file)!)).Distinct().DefaultIfEmpty("llama")];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Case_LogitsHiddenStatesLossAndGradients_AreTheReferences(string file, string name)
    {
        var path = SharedData.Require("fixtures", "transformers", file);
        using var json = JsonDocument.Parse(File.ReadAllBytes(path));
        AssertKnown(FileKeys, json.RootElement);
        var item = json.RootElement.GetProperty("cases").EnumerateArray().Single(entry => entry.GetProperty("name").GetString() == name);
        AssertKnown(CaseKeys, item);
        var tolerance = json.RootElement.GetProperty("tolerance");
        var logitTolerance = tolerance.GetProperty("logits_abs").GetDouble();

        using var scope = NewDisposeScope();
        using var model = PretrainedModel.LoadCausal(Path.GetDirectoryName(path)!);
        var ids = Longs(item, "input_ids")!;
        var states = model.HiddenStates(ids, Longs(item, "attention_mask"), Longs(item, "position_ids"), Longs(item, "sequence_ids"));
        var logits = model.Logits(states[^1]);
        AssertRows(item.GetProperty("logits"), logits, logitTolerance, "logits");
        if (item.TryGetProperty("hidden_states", out var expectedStates))
        {
            Assert.Equal(expectedStates.GetArrayLength(), states.Count);
            foreach (var (expected, i) in expectedStates.EnumerateArray().Select((state, i) => (state, i)))
            {
                AssertPositions(expected, states[i][0], logitTolerance, $"hidden state {i}");
            }
        }

        var labels = Longs(item, "labels")!;
        var (batch, length) = (labels.shape[0], labels.shape[1]);
        var loss = nn.functional.cross_entropy(
            logits.narrow(1, 0, length - 1).reshape(batch * (length - 1), -1), labels.narrow(1, 1, length - 1).reshape(-1));
        Assert.Equal(item.GetProperty("loss").GetDouble(), loss.item<float>(), tolerance.GetProperty("loss_abs").GetDouble());
        loss.backward();
        AssertGradients(item, model, tolerance.GetProperty("gradient_relative").GetDouble());
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Load_PositionsNotGiven_SameAsTheReferences(string folder)
    {
        var path = SharedData.Require("fixtures", "transformers", folder);
        using var json = JsonDocument.Parse(File.ReadAllBytes(Directory.GetFiles(path, "cases*.json")[0]));
        using var model = PretrainedModel.LoadCausal(path);
        foreach (var item in json.RootElement.GetProperty("cases").EnumerateArray())
        {
            using var scope = NewDisposeScope();
            var hidden = model.Hidden(Longs(item, "input_ids")!, Longs(item, "attention_mask"), null, Longs(item, "sequence_ids"));
            AssertRows(item.GetProperty("logits"), model.Logits(hidden), 2e-4, "logits");
        }
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Save_OfALoadedDirectory_HoldsWhatWasRead(string folder)
    {
        var source = SharedData.Require("fixtures", "transformers", folder);
        using var directory = new TemporaryDirectory();
        using var scope = NewDisposeScope();
        using var model = PretrainedModel.LoadCausal(source);
        PretrainedModel.Save(model, TinyModels.Tokenizer(), directory.File("written"));
        using var read = SafeTensorsFile.Open(Path.Combine(source, "model.safetensors"));
        using var written = SafeTensorsFile.Open(directory.File("written", "model.safetensors"));
        Assert.Equal(read.Names, written.Names);
        foreach (var name in read.Names)
        {
            var (expected, actual) = (read.Read(name), written.Read(name));
            Assert.Equal((expected.dtype, string.Join(',', expected.shape)), (actual.dtype, string.Join(',', actual.shape)));
            Assert.True(expected.bytes.SequenceEqual(actual.bytes), name);
        }

        // Fields that both files have say the same; the reference leaves some out, and writes some that name no part of the arithmetic.
        using var configRead = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(source, "config.json")));
        using var configWritten = JsonDocument.Parse(File.ReadAllBytes(directory.File("written", "config.json")));
        AssertSameWhereBothSaySomething(configRead.RootElement, configWritten.RootElement);
    }

    private static void AssertSameWhereBothSaySomething(JsonElement expected, JsonElement actual)
    {
        foreach (var field in actual.EnumerateObject())
        {
            if (!expected.TryGetProperty(field.Name, out var other))
            {
                continue;
            }

            if (other.ValueKind == JsonValueKind.Object && field.Value.ValueKind == JsonValueKind.Object)
            {
                AssertSameWhereBothSaySomething(other, field.Value);
            }
            else
            {
                Assert.True(JsonElement.DeepEquals(other, field.Value), $"{field.Name}: {other} became {field.Value}");
            }
        }
    }

    private static string? Folder() => SharedData.Root is null ? null : Path.Combine(SharedData.Root, "fixtures", "transformers");

    private static string[] Files() => Folder() is { } folder && Directory.Exists(folder)
        ? [.. Directory.GetDirectories(folder).Order(StringComparer.Ordinal).SelectMany(model => Directory.GetFiles(model, "cases*.json").Order(StringComparer.Ordinal))]
        : [];

    private static void AssertKnown(string[] known, JsonElement element) =>
        Assert.Empty(element.EnumerateObject().Select(property => property.Name).Except(known));

    private static void AssertRows(JsonElement expected, Tensor actual, double tolerance, string what)
    {
        foreach (var (row, r) in expected.EnumerateArray().Select((row, r) => (row, r)))
        {
            AssertPositions(row, actual[r], tolerance, $"{what} of row {r}");
        }
    }

    private static void AssertPositions(JsonElement expected, Tensor actual, double tolerance, string what)
    {
        Assert.Equal(expected.GetArrayLength(), actual.shape[0]);
        foreach (var (values, position) in expected.EnumerateArray().Select((values, position) => (values, position)))
        {
            if (values.ValueKind != JsonValueKind.Null)
            {
                var numbers = TinyModels.Floats(actual[position]);
                Assert.Equal(values.GetArrayLength(), numbers.Length);
                var difference = values.EnumerateArray().Zip(numbers).Max(pair => Math.Abs(pair.First.GetDouble() - pair.Second));
                Assert.True(difference <= tolerance, $"{what}, position {position}: largest difference {difference}, allowed {tolerance}");
            }
        }
    }

    private static void AssertGradients(JsonElement item, CausalLanguageModel model, double tolerance)
    {
        // The file has them in the layout of the stored weights.
        var transposed = WeightsReader.TransposedIn(model);
        var gradients = model.named_parameters().ToDictionary(
            entry => entry.name,
            entry => TinyModels.Floats(transposed.Contains(entry.name) ? entry.parameter.grad!.transpose(0, 1) : entry.parameter.grad!));
        var total = item.GetProperty("gradient_norm").GetDouble();
        Assert.Equal(total, Math.Sqrt(gradients.Values.Sum(SumOfSquares)), total * tolerance);
        var expected = item.GetProperty("gradients").EnumerateObject().ToArray();
        Assert.Equal(expected.Select(entry => entry.Name).Order(StringComparer.Ordinal), gradients.Keys.Order(StringComparer.Ordinal));
        foreach (var entry in expected)
        {
            AssertKnown(["l2", "sum", "first"], entry.Value);
            var gradient = gradients[entry.Name];
            var norm = entry.Value.GetProperty("l2").GetDouble();
            var margin = Math.Max(norm, 1e-3) * tolerance;
            Assert.Equal(norm, Math.Sqrt(SumOfSquares(gradient)), margin);
            Assert.Equal(entry.Value.GetProperty("sum").GetDouble(), gradient.Sum(value => (double)value), margin * Math.Sqrt(gradient.Length));
            foreach (var (first, value) in entry.Value.GetProperty("first").EnumerateArray().Zip(gradient))
            {
                Assert.Equal(first.GetDouble(), value, margin);
            }
        }
    }

    private static double SumOfSquares(float[] values) => values.Sum(value => (double)value * value);

    private static Tensor? Longs(JsonElement item, string name) => item.TryGetProperty(name, out var rows)
        ? TinyModels.Ids([.. rows.EnumerateArray().Select(row => row.EnumerateArray().Select(value => value.GetInt32()).ToArray())])
        : null;
}
