using Rlhf.Modeling.Generation;
using Rlhf.Modeling.Transformer;
using Rlhf.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using TextGenerator = Rlhf.Modeling.Generation.Generator;

namespace Rlhf.Modeling.Tests.Generation;

public sealed class GeneratorTests
{
    private static readonly int[][] Prompts = [[5, 9, 14, 3, 22], [7, 30, 11], [40], [8, 8, 8, 12, 13, 14, 15]];
    private static readonly SamplingParameters Greedy = new() { Temperature = 0, MaxNewTokens = 20 };

    public static TheoryData<int, bool> Shapes => new() { { 4, false }, { 2, false }, { 1, true } };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Generate_Greedy_EqualsFullForwardTokensAndLogprobs(int keyValueHeads, bool biases)
    {
        var config = TinyModels.Config with { NumKeyValueHeads = keyValueHeads, AttentionBias = biases, MlpBias = biases, TieWordEmbeddings = biases };
        using var model = TinyModels.Causal(config);
        RandomizeNormsAndBiases(model);
        foreach (var (prompt, sequence) in Prompts.Zip(new TextGenerator(model).Generate(Prompts, Greedy, seed: 0)))
        {
            List<int> ids = [.. prompt];
            for (var t = 0; t < sequence.Ids.Length; t++)
            {
                using var scope = NewDisposeScope();
                using var noGrad = no_grad();
                var logprobs = TinyModels.Floats(model.forward(TinyModels.Ids([.. ids]))[0, ids.Count - 1].log_softmax(0));
                var best = Array.IndexOf(logprobs, logprobs.Max());
                Assert.Equal(best, sequence.Ids[t]);
                Assert.Equal(logprobs[best], sequence.Logprobs[t], 1e-5f);
                ids.Add(best);
            }

            Assert.Equal(sequence.FinishReason == "stop", config.EosTokenIds.Contains(ids[^1]));
            Assert.True(sequence.FinishReason == "stop" || sequence.Ids.Length == Greedy.MaxNewTokens);
        }
    }

    [Theory]
    [InlineData(1.0, 0, 1.0)]
    [InlineData(0.7, 5, 1.0)]
    [InlineData(1.3, 0, 0.8)]
    public void Generate_Sampled_DoesNotDependOnTheBatch(double temperature, int topK, double topP)
    {
        using var model = TinyModels.Causal();
        var generator = new TextGenerator(model);
        var parameters = new SamplingParameters { Temperature = temperature, TopK = topK, TopP = topP, MaxNewTokens = 25 };
        var together = generator.Generate(Prompts, parameters, seed: 9, firstSequence: 100);
        for (var i = 0; i < Prompts.Length; i++)
        {
            var alone = generator.Generate([Prompts[i]], parameters, seed: 9, firstSequence: 100 + (ulong)i)[0];
            Assert.Equal(alone.Ids, together[i].Ids);
            Assert.Equal(alone.FinishReason, together[i].FinishReason);
            Assert.True(alone.Logprobs.Zip(together[i].Logprobs).All(pair => Math.Abs(pair.First - pair.Second) < 1e-4));
        }

        Assert.NotEqual(together.Select(sequence => sequence.Ids), generator.Generate(Prompts, parameters, seed: 10, firstSequence: 100).Select(sequence => sequence.Ids));
    }

    [Fact]
    public void Generate_FinishedRows_AreDroppedFromTheBatch()
    {
        using var model = TinyModels.Causal(TinyModels.Config with { EosTokenIds = [.. Enumerable.Range(0, 6)] });
        var generator = new TextGenerator(model);
        var prompts = Enumerable.Range(0, 24).Select(i => new[] { 6 + i, 10 }).ToArray();
        var sequences = generator.Generate(prompts, new SamplingParameters { MaxNewTokens = 40 }, seed: 2);
        Assert.Contains(sequences, sequence => sequence.FinishReason == "stop");
        Assert.Contains(sequences, sequence => sequence.Ids.Length > 10);

        // Every token but a sequence's first costs one row of one step; at most a quarter of a batch is idle.
        var needed = sequences.Sum(sequence => sequence.Ids.Length - 1);
        Assert.InRange(generator.DecodedRows, needed, needed * 4 / 3);
        Assert.True(generator.DecodedRows < (long)prompts.Length * (sequences.Max(sequence => sequence.Ids.Length) - 1));
    }

    [Fact]
    public void Generate_SampledTokens_FollowTheModelsDistribution()
    {
        using var model = TinyModels.Causal();
        var prompts = Enumerable.Repeat(Prompts[0], 4000).ToArray();
        var sequences = new TextGenerator(model).Generate(prompts, new SamplingParameters { MaxNewTokens = 1 }, seed: 3);
        using var scope = NewDisposeScope();
        var probabilities = TinyModels.Floats(model.forward(TinyModels.Ids(Prompts[0]))[0, 4].softmax(0));
        for (var token = 0; token < probabilities.Length; token++)
        {
            // Five standard errors of a binomial share.
            var p = probabilities[token];
            var share = sequences.Count(sequence => sequence.Ids[0] == token) / 4000.0;
            Assert.InRange(share, p - (5 * Math.Sqrt(p * (1 - p) / 4000)) - 1e-9, p + (5 * Math.Sqrt(p * (1 - p) / 4000)) + 0.001);
        }
    }

    [Fact]
    public void Generate_OnToken_SeesEveryTokenInOrder()
    {
        using var model = TinyModels.Causal();
        var seen = Prompts.Select(_ => new List<int>()).ToArray();
        var sequences = new TextGenerator(model).Generate(
            Prompts, new SamplingParameters { MaxNewTokens = 12 }, seed: 4, onToken: (index, token) => seen[index].Add(token));
        Assert.Equal(sequences.Select(sequence => sequence.Ids), seen.Select(ids => ids.ToArray()));
    }

    [Fact]
    public void Generate_Repeated_LeavesNoTensors()
    {
        using var model = TinyModels.Causal();
        var generator = new TextGenerator(model);
        var before = TinyModels.LiveTensors();
        generator.Generate(Prompts, new SamplingParameters { MaxNewTokens = 15 }, seed: 1);
        Assert.Equal(before, Rlhf.Torch.Extensions.TorchRuntime.LiveTensors);
    }

    [Fact]
    public void Generate_ChangedWeights_AreUsed()
    {
        using var model = TinyModels.Causal();
        using var other = TinyModels.Causal(seed: 2);
        var generator = new TextGenerator(model);
        var first = generator.Generate(Prompts, Greedy, seed: 0);
        model.load_state_dict(other.state_dict());
        var second = generator.Generate(Prompts, Greedy, seed: 0);
        Assert.NotEqual(first.Select(sequence => sequence.Ids), second.Select(sequence => sequence.Ids));
        Assert.Equal(second.Select(sequence => sequence.Ids), new TextGenerator(other).Generate(Prompts, Greedy, seed: 0).Select(sequence => sequence.Ids));
    }

    [Fact]
    public void Generate_Cancelled_StopsBetweenTokens()
    {
        using var model = TinyModels.Causal();
        using var source = new CancellationTokenSource();
        var tokens = 0;
        Assert.Throws<OperationCanceledException>(() => new TextGenerator(model).Generate(
            [[6, 7]], Greedy with { MaxNewTokens = 50 }, seed: 1, ct: source.Token, onToken: (_, _) =>
            {
                tokens++;
                source.Cancel();
            }));
        Assert.Equal(1, tokens);
    }

    [Fact]
    public void Generate_IllegalArguments_NameTheFault()
    {
        using var model = TinyModels.Causal();
        var generator = new TextGenerator(model);
        Assert.Empty(generator.Generate([], Greedy, seed: 0));
        Fault("prompt 1 is empty", [[3], []], Greedy);
        Fault("prompt 0 has id 48; ids lie in 0 … 47", [[48]], Greedy);
        Fault("prompt 0 has id -1", [[-1]], Greedy);
        Fault("max_position_embeddings (64)", [[3, 4, 5]], Greedy with { MaxNewTokens = 62 });
        Fault("TopP (0) must lie in (0, 1]", [[3]], Greedy with { TopP = 0 });

        void Fault(string expected, int[][] prompts, SamplingParameters parameters) => Assert.Contains(
            expected, Assert.Throws<ArgumentException>(() => generator.Generate(prompts, parameters, seed: 0)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Generate_UpToTheLastPosition_Works()
    {
        using var model = TinyModels.Causal(TinyModels.Config with { EosTokenIds = [] });
        var sequence = new TextGenerator(model).Generate([[3, 4, 5], [6]], Greedy with { MaxNewTokens = 61 }, seed: 0)[0];
        Assert.Equal((61, "length"), (sequence.Ids.Length, sequence.FinishReason));
    }

    [Fact]
    public void Generate_BrokenWeights_SaysSo()
    {
        using var model = TinyModels.Causal();
        using (no_grad())
        {
            model.Body.FinalNorm!.weight!.fill_(float.NaN);
        }

        Assert.Contains("not finite", Assert.Throws<InvalidOperationException>(() => new TextGenerator(model).Generate([[3]], Greedy, seed: 0)).Message, StringComparison.Ordinal);
    }

    private static void RandomizeNormsAndBiases(CausalLanguageModel model)
    {
        // Fused weights must carry these along, which ones and zeros would hide.
        var random = new Philox(8);
        using var noGrad = no_grad();
        foreach (var (name, parameter) in model.named_parameters())
        {
            if (name.EndsWith("norm.weight", StringComparison.Ordinal) || name.EndsWith(".bias", StringComparison.Ordinal))
            {
                Weights.FillNormal(parameter, random, 0.5);
            }
        }
    }
}
