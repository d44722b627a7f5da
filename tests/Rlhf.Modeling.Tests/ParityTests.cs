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
            return config.RootElement.GetProperty("model_type").GetString() is "llama" or "qwen2";
        }).ToArray();
        Assert.NotEmpty(folders);
        return folders;
    }

    private static void AssertRow(JsonElement expected, float[] actual, double tolerance)
    {
        var values = expected.EnumerateArray().Select(value => value.GetDouble()).ToArray();
        Assert.Equal(values.Length, actual.Length);
        var difference = values.Zip(actual).Max(pair => Math.Abs(pair.First - pair.Second));
        Assert.True(difference <= tolerance, $"largest difference {difference}, allowed {tolerance}");
    }

    private static int[][] Rows(JsonElement rows) => [.. rows.EnumerateArray().Select(Ints)];

    private static int[] Ints(JsonElement list) => [.. list.EnumerateArray().Select(value => value.GetInt32())];
}
