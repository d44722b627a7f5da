using System.Text.Json;
using Rlhf.Modeling.Checkpoints;
using Rlhf.Modeling.Generation;
using Rlhf.Modeling.Tokenization;
using Rlhf.Modeling.Transformer;
using Rlhf.TestSupport;
using TorchSharp;
using static TorchSharp.torch;
using TextGenerator = Rlhf.Modeling.Generation.Generator;

namespace Rlhf.Modeling.Tests;

/// <summary>Numbers of Hugging Face transformers and llama2.c, from the reference data.</summary>
[Trait("Category", "Parity")]
public sealed class ParityTests
{
    [Fact]
    public void Cases_OfEverySupportedArchitecture_SameLogitsLossesAndGradients()
    {
        foreach (var directory in SupportedFolders())
        {
            using var file = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(directory, "cases.json")));
            var tolerance = file.RootElement.GetProperty("tolerance");
            foreach (var item in file.RootElement.GetProperty("cases").EnumerateArray())
            {
                using var scope = NewDisposeScope();
                using var model = PretrainedModel.LoadCausal(directory);
                var mask = Longs(item.GetProperty("attention_mask"));
                var logits = model.forward(Longs(item.GetProperty("input_ids")), mask);
                AssertLogits(item.GetProperty("logits"), logits, tolerance.GetProperty("logits_abs").GetDouble());
                AssertHiddenStates(item, model, tolerance.GetProperty("logits_abs").GetDouble());

                var labels = Longs(item.GetProperty("labels"));
                var (batch, length) = (labels.shape[0], labels.shape[1]);
                var loss = nn.functional.cross_entropy(
                    logits.narrow(1, 0, length - 1).reshape(batch * (length - 1), -1), labels.narrow(1, 1, length - 1).reshape(-1));
                Assert.Equal(item.GetProperty("loss").GetDouble(), loss.item<float>(), tolerance.GetProperty("loss_abs").GetDouble());
                loss.backward();
                AssertGradients(item, model, tolerance.GetProperty("gradient_relative").GetDouble());
            }
        }
    }

    [Fact]
    public void Greedy_OfEverySupportedArchitecture_SameTokensInABatchAndAlone()
    {
        foreach (var directory in SupportedFolders())
        {
            using var file = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(directory, "cases.json")));
            var greedy = file.RootElement.GetProperty("greedy");
            var masks = Rows(greedy.GetProperty("attention_mask"));
            var prompts = Rows(greedy.GetProperty("input_ids")).Select((row, r) => row.Where((_, i) => masks[r][i] == 1).ToArray()).ToArray();
            var expected = Rows(greedy.GetProperty("new_tokens"));
            var parameters = new SamplingParameters { Temperature = 0, MaxNewTokens = expected[0].Length };

            // The reference ran without a stop token.
            using var loaded = PretrainedModel.LoadCausal(directory);
            using var model = new CausalLanguageModel(loaded.Config with { EosTokenIds = [] });
            model.load_state_dict(loaded.state_dict());
            var generator = new TextGenerator(model);
            Assert.Equal(expected, generator.Generate(prompts, parameters, seed: 0).Select(sequence => sequence.Ids));
            Assert.Equal(expected, prompts.Select(prompt => generator.Generate([prompt], parameters, seed: 0)[0].Ids));
        }
    }

    [Fact]
    public void Stories260k_Greedy_SameTokensTextAndLogprobs()
    {
        var directory = SharedData.Require("models", "stories260k");
        using var file = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(directory, "expected.json")));
        using var model = PretrainedModel.LoadCausal(directory);
        var tokenizer = Tokenizer.Load(directory);
        var cases = file.RootElement.GetProperty("cases").EnumerateArray().ToArray();
        var prompts = cases.Select(item => tokenizer.Encode(item.GetProperty("prompt").GetString()!)).ToArray();
        var sequences = new TextGenerator(model).Generate(prompts, new SamplingParameters { Temperature = 0, MaxNewTokens = 64 }, seed: 0);
        foreach (var (item, sequence) in cases.Zip(sequences))
        {
            Assert.Equal(Ints(item.GetProperty("prompt_ids")), sequence.PromptIds);

            // The reference leaves the stop token out of its ids.
            var stopped = item.GetProperty("stopped_at_bos").GetBoolean();
            Assert.Equal(stopped ? "stop" : "length", sequence.FinishReason);
            var expected = Ints(item.GetProperty("greedy_ids"));
            Assert.Equal(expected, sequence.Ids[..expected.Length]);
            Assert.Equal(item.GetProperty("mean_logprob_of_greedy_ids").GetDouble(), sequence.Logprobs.Take(expected.Length).Average(), 1e-4);
            Assert.Equal(item.GetProperty("text").GetString(), tokenizer.Decode([.. sequence.PromptIds, .. sequence.Ids]));
        }
    }

    [Fact]
    public void Stories260k_Logits_WithinTolerance()
    {
        var directory = SharedData.Require("models", "stories260k");
        using var file = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(directory, "expected.json")));
        var table = file.RootElement.GetProperty("logits");
        using var scope = NewDisposeScope();
        using var model = PretrainedModel.LoadCausal(directory);
        var ids = Ints(table.GetProperty("input_ids"));
        var logits = model.forward(TinyModels.Ids(ids));
        var expected = table.GetProperty("logits").EnumerateArray().ToArray();
        for (var position = 0; position < expected.Length; position++)
        {
            AssertRow(expected[position], TinyModels.Floats(logits[0, position]), table.GetProperty("tolerance_abs").GetDouble());
        }

        var loss = nn.functional.cross_entropy(logits[0].narrow(0, 0, ids.Length - 1), TinyModels.Ids(ids)[0].narrow(0, 1, ids.Length - 1));
        Assert.Equal(table.GetProperty("causal_lm_loss_over_whole_prompt").GetDouble(), loss.item<float>(), 2e-5);
    }

    private static string[] SupportedFolders()
    {
        var folders = Directory.GetDirectories(SharedData.Require("fixtures", "transformers")).Where(folder =>
        {
            using var config = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "config.json")));
            return TransformerConfig.SupportedModelTypes.Contains(config.RootElement.GetProperty("model_type").GetString());
        }).ToArray();
        Assert.NotEmpty(folders);
        return folders;
    }

    private static void AssertLogits(JsonElement expected, Tensor actual, double tolerance)
    {
        var row = 0;
        foreach (var sequence in expected.EnumerateArray())
        {
            var position = 0;
            foreach (var values in sequence.EnumerateArray())
            {
                if (values.ValueKind != JsonValueKind.Null)
                {
                    AssertRow(values, TinyModels.Floats(actual[row, position]), tolerance);
                }

                position++;
            }

            row++;
        }
    }

    private static void AssertHiddenStates(JsonElement item, CausalLanguageModel model, double tolerance)
    {
        if (!item.TryGetProperty("hidden_states", out var states))
        {
            return;
        }

        // Only the case with one row has them; the last state is the one after the final norm.
        var hidden_BTD = model.Hidden(Longs(item.GetProperty("input_ids")), Longs(item.GetProperty("attention_mask")));
        var position = 0;
        foreach (var values in states.EnumerateArray().Last().EnumerateArray())
        {
            AssertRow(values, TinyModels.Floats(hidden_BTD[0, position++]), tolerance);
        }

        Assert.Equal(hidden_BTD.shape[1], position);
    }

    private static void AssertGradients(JsonElement item, CausalLanguageModel model, double tolerance)
    {
        var gradients = model.named_parameters().ToDictionary(entry => entry.name, entry => TinyModels.Floats(entry.parameter.grad!));
        var total = item.GetProperty("gradient_norm").GetDouble();
        Assert.Equal(total, Math.Sqrt(gradients.Values.Sum(SumOfSquares)), total * tolerance);
        var expected = item.GetProperty("gradients").EnumerateObject().ToArray();
        Assert.Equal(expected.Select(entry => entry.Name).Order(StringComparer.Ordinal), gradients.Keys.Order(StringComparer.Ordinal));
        foreach (var entry in expected)
        {
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

    private static void AssertRow(JsonElement expected, float[] actual, double tolerance)
    {
        var values = expected.EnumerateArray().Select(value => value.GetDouble()).ToArray();
        Assert.Equal(values.Length, actual.Length);
        var difference = values.Zip(actual).Max(pair => Math.Abs(pair.First - pair.Second));
        Assert.True(difference <= tolerance, $"largest difference {difference}, allowed {tolerance}");
    }

    private static Tensor Longs(JsonElement rows) => TinyModels.Ids(Rows(rows));

    private static int[][] Rows(JsonElement rows) => [.. rows.EnumerateArray().Select(Ints)];

    private static int[] Ints(JsonElement list) => [.. list.EnumerateArray().Select(value => value.GetInt32())];
}
