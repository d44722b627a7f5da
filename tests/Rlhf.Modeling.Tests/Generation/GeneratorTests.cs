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
    public void Generate_FinishedRows_CostNothing()
    {
        using var model = TinyModels.Causal(TinyModels.Config with { EosTokenIds = [.. Enumerable.Range(0, 6)] });
        var generator = new TextGenerator(model);
        var prompts = Enumerable.Range(0, 24).Select(i => new[] { 6 + i, 10 }).ToArray();
        var sequences = generator.Generate(prompts, new SamplingParameters { MaxNewTokens = 40 }, seed: 2);
        Assert.Contains(sequences, sequence => sequence.FinishReason == "stop");
        Assert.Contains(sequences, sequence => sequence.Ids.Length > 10);

        // Every token but a sequence's first costs one row of one step.
        Assert.Equal(sequences.Sum(sequence => sequence.Ids.Length - 1), generator.DecodedRows);
        Assert.Equal(48, generator.PrefilledTokens);
    }

    [Theory]
    [InlineData(1, 8192)]
    [InlineData(3, 8192)]
    [InlineData(5, 9)]
    [InlineData(64, 1)]
    public void Generate_AnyBatchSize_SameSequences(int maxBatchSize, int maxPrefillTokens)
    {
        using var model = TinyModels.Causal();
        var parameters = new SamplingParameters { MaxNewTokens = 20, Temperature = 0.8, TopP = 0.95, RepetitionPenalty = 1.1 };
        int[][] prompts = [.. Prompts, .. Prompts.Select(prompt => prompt[..1])];
        var expected = prompts.Select((prompt, i) => new TextGenerator(model).Generate([prompt], parameters, seed: 3, firstSequence: (ulong)i)[0]).ToArray();
        var options = new GeneratorOptions { MaxBatchSize = maxBatchSize, MaxPrefillTokens = maxPrefillTokens };
        var actual = new TextGenerator(model, options: options).Generate(prompts, parameters, seed: 3);
        Assert.Equal(expected.Select(sequence => sequence.Ids), actual.Select(sequence => sequence.Ids));
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.True(expected[i].Logprobs.Zip(actual[i].Logprobs).All(pair => Math.Abs(pair.First - pair.Second) < 1e-5));
        }
    }

    [Fact]
    public void Generate_SeveralSequencesOfAPrompt_ReadItOnceAndAreThoseOfSeparateCalls()
    {
        using var model = TinyModels.Causal();
        var generator = new TextGenerator(model);
        var parameters = new SamplingParameters { MaxNewTokens = 15, NumReturnSequences = 3 };
        var together = generator.Generate(Prompts, parameters, seed: 5, firstSequence: 40);
        Assert.Equal(Prompts.Sum(prompt => prompt.Length), generator.PrefilledTokens);
        Assert.Equal(12, together.Count);
        for (var i = 0; i < together.Count; i++)
        {
            Assert.Equal(Prompts[i / 3], together[i].PromptIds);
            var alone = generator.Generate([Prompts[i / 3]], parameters with { NumReturnSequences = 1 }, seed: 5, firstSequence: 40 + (ulong)i)[0];
            Assert.Equal(alone.Ids, together[i].Ids);
        }
    }

    [Fact]
    public void Generate_RequestsOfDifferentKinds_EachGetWhatTheyAskFor()
    {
        using var model = TinyModels.Causal();
        var generator = new TextGenerator(model);
        GenerationRequest[] requests =
        [
            new(Prompts[0], new SamplingParameters { MaxNewTokens = 9 }, Seed: 4, FirstSequence: 7),
            new(Prompts[1], new SamplingParameters { MaxNewTokens = 5, Temperature = 0, NumBeams = 3, NumReturnSequences = 2 }, Seed: 0),
            new(Prompts[2], Greedy, Seed: 0),
            new(Prompts[3], new SamplingParameters { MaxNewTokens = 3, TopK = 4, NumReturnSequences = 2 }, Seed: 5),
        ];
        var together = generator.Generate(requests);
        var alone = requests.SelectMany(request => generator.Generate([request])).ToArray();
        Assert.Equal(alone.Select(sequence => sequence.Ids), together.Select(sequence => sequence.Ids));
        Assert.Equal([null, true, true, null, null, null], together.Select(sequence => sequence.Score < 0 ? true : (bool?)null));
    }

    [Theory]
    [InlineData("llama")]
    [InlineData("gpt2")]
    [InlineData("qwen2")]
    public void Generate_Logprobs_EqualThoseOfTraining(string modelType)
    {
        // Raw log-probabilities whatever was done to draw: 1e-5 is the promise to PPO, whose first ratio must be 1.
        var config = TinyModels.Config with { ModelType = modelType, NumKeyValueHeads = modelType == "gpt2" ? 4 : 2 };
        using var model = TinyModels.Causal(config);
        var parameters = new SamplingParameters { MaxNewTokens = 25, Temperature = 1.4, TopP = 0.9, RepetitionPenalty = 1.3, MinNewTokens = 10 };
        foreach (var sequence in new TextGenerator(model).Generate(Prompts, parameters, seed: 6))
        {
            using var scope = NewDisposeScope();
            using var noGrad = no_grad();
            int[] ids = [.. sequence.PromptIds, .. sequence.Ids];
            var logprobs_TV = model.forward(TinyModels.Ids(ids))[0].log_softmax(-1);
            for (var t = 0; t < sequence.Ids.Length; t++)
            {
                var expected = logprobs_TV[sequence.PromptIds.Length + t - 1, sequence.Ids[t]].item<float>();
                Assert.Equal(expected, sequence.Logprobs[t], 1e-5f);
            }

            Assert.True(sequence.Ids.Length > 10);
        }
    }

    [Fact]
    public void Generate_StopStringAndStopId_EndTheText()
    {
        var tokenizer = TinyModels.Tokenizer();
        using var model = TinyModels.Causal(TinyModels.Config with { VocabSize = tokenizer.VocabSize + 4, EosTokenIds = [0] });
        var prompt = tokenizer.Encode("the cat");
        var free = new TextGenerator(model, tokenizer).Generate([prompt], Greedy, seed: 0)[0];
        Assert.Equal(free.Text, tokenizer.Decode([.. prompt, .. free.Ids])[7..]);

        // The two characters across the end of the second token that has a text of plain characters.
        var stop = free.Text![2..4];
        var stopped = new TextGenerator(model, tokenizer).Generate([prompt], Greedy with { StopStrings = ["none such", stop] }, seed: 0)[0];
        Assert.Equal(free.Text[..free.Text.IndexOf(stop, StringComparison.Ordinal)], stopped.Text);
        Assert.Equal("stop", stopped.FinishReason);
        Assert.Equal(free.Ids[..stopped.Ids.Length], stopped.Ids);

        var byId = new TextGenerator(model, tokenizer).Generate([prompt], Greedy with { StopTokenIds = [free.Ids[3]] }, seed: 0)[0];
        Assert.Equal(free.Ids[..(Array.IndexOf(free.Ids, free.Ids[3]) + 1)], byId.Ids);
        Assert.Equal("stop", byId.FinishReason);
        Assert.Equal(tokenizer.Decode(byId.Ids.AsSpan(0, byId.Ids.Length - 1)), byId.Text);
    }

    [Fact]
    public void Generate_Beams_FindAtLeastWhatGreedyFinds()
    {
        using var model = TinyModels.Causal(TinyModels.Config with { EosTokenIds = [] });
        var generator = new TextGenerator(model);
        var greedy = Greedy with { MaxNewTokens = 6 };
        foreach (var prompt in Prompts)
        {
            var beams = generator.Generate([prompt], greedy with { NumBeams = 8, NumReturnSequences = 8 }, seed: 0);
            Assert.Equal(8, beams.Count);
            Assert.Equal(beams.OrderByDescending(beam => beam.Score), beams);
            Assert.Equal(8, beams.Select(beam => string.Join(' ', beam.Ids)).Distinct().Count());
            Assert.All(beams, beam => Assert.Equal(beam.Logprobs.Sum(logprob => (double)logprob) / 6, beam.Score!.Value, 1e-5));
            Assert.True(beams[0].Score >= (generator.Generate([prompt], greedy, seed: 0)[0].Logprobs.Sum() / 6) - 1e-5);
        }
    }

    [Fact]
    public void Generate_BeamsOverEverything_FindTheBestOfAll()
    {
        // 4 ids, one of them ending the text, 3 tokens: with as many beams as there are texts nothing can be missed.
        var config = TinyModels.Config with { VocabSize = 4, EosTokenIds = [1], BosTokenId = null, PadTokenId = null };
        using var model = TinyModels.Causal(config);
        var parameters = new SamplingParameters { Temperature = 0, MaxNewTokens = 3, NumBeams = 40, NumReturnSequences = 5, LengthPenalty = 0.7, EarlyStopping = EarlyStopping.Never };
        var beams = new TextGenerator(model).Generate([[2, 3]], parameters, seed: 0);
        Assert.Equal(
            AllTexts(model, [2, 3], 3).Select(text => (Score: text.Logprob / Math.Pow(text.Ids.Length, 0.7), text.Ids)).OrderByDescending(text => text.Score).Take(5).Select(text => text.Ids),
            beams.Select(beam => beam.Ids));
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
        var seen = Prompts.Select(_ => new List<GeneratedToken>()).ToArray();
        var sequences = new TextGenerator(model).Generate(
            Prompts, new SamplingParameters { MaxNewTokens = 12 }, seed: 4, onToken: token => seen[token.Sequence].Add(token));
        Assert.Equal(sequences.Select(sequence => sequence.Ids), seen.Select(tokens => tokens.Select(token => token.Id).ToArray()));
        Assert.Equal(sequences.Select(sequence => sequence.Logprobs), seen.Select(tokens => tokens.Select(token => token.Logprob).ToArray()));
        Assert.All(sequences.Zip(seen), pair => Assert.Equal(pair.First.FinishReason, pair.Second.Single(token => token.FinishReason is not null).FinishReason));
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
            [[6, 7]], Greedy with { MaxNewTokens = 50 }, seed: 1, ct: source.Token, onToken: _ =>
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
        Fault("StopTokenIds has id 48; ids lie in 0 … 47", [[3]], Greedy with { StopTokenIds = [48] });
        Fault("LogitBias has id -1", [[3]], Greedy with { LogitBias = new Dictionary<int, float> { [-1] = 1 } });
        Fault("StopStrings need a tokenizer", [[3]], Greedy with { StopStrings = ["."] });

        // All at once.
        Fault("TopK (-1) must be 0 (all) or positive; prompt 0 is empty: at least one token must be there to continue; prompt 2 has id 99", [[], [3], [99]], Greedy with { TopK = -1 });

        void Fault(string expected, int[][] prompts, SamplingParameters parameters) => Assert.Contains(
            expected, Assert.Throws<ArgumentException>(() => generator.Generate(prompts, parameters, seed: 0)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Generate_DynamicRotaryScaling_EndsAtTheTrainedLength()
    {
        // Beyond it every further token would turn all keys anew, those in the cache too.
        using var model = TinyModels.Causal(TinyModels.Config with { RopeScaling = new RopeScaling("dynamic", 2) });
        Assert.Equal(128, model.Config.MaxPositions);
        Assert.Single(new TextGenerator(model).Generate([[3, 4]], Greedy with { MaxNewTokens = 62 }, seed: 0));
        Assert.Contains(
            "exceeds max_position_embeddings (64)",
            Assert.Throws<ArgumentException>(() => new TextGenerator(model).Generate([[3, 4]], Greedy with { MaxNewTokens = 63 }, seed: 0)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Generate_MoreThanThereIsRoomFor_IsRefusedOrWaits()
    {
        using var model = TinyModels.Causal(TinyModels.Config with { EosTokenIds = [] });
        var parameters = new SamplingParameters { MaxNewTokens = 8, NumReturnSequences = 3 };
        Assert.Contains(
            "one request needs 3 sequences at a time, but MaxBatchSize is 2",
            Fault(new GeneratorOptions { MaxBatchSize = 2 }),
            StringComparison.Ordinal);

        // Keys and values of 2 layers, 2 heads of 8 floats, 7 + 8 − 1 places: 2 · 2 · 16 · 4 · 14 = 3584 bytes a sequence.
        Assert.Contains("3 sequences of 14 tokens need 10752 bytes", Fault(new GeneratorOptions { MaxCacheBytes = 10751 }), StringComparison.Ordinal);
        var generator = new TextGenerator(model, options: new GeneratorOptions { MaxCacheBytes = 10752 });
        Assert.Equal(12, generator.Generate(Prompts, parameters, seed: 0).Count);
        Assert.Contains("MaxBatchSize (0) must be at least 1; MaxPrefillTokens (-1)", Fault(new GeneratorOptions { MaxBatchSize = 0, MaxPrefillTokens = -1 }), StringComparison.Ordinal);

        string Fault(GeneratorOptions options) =>
            Assert.Throws<ArgumentException>(() => new TextGenerator(model, options: options).Generate(Prompts, parameters, seed: 0)).Message;
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
            model.OutputWeight.fill_(float.NaN);
        }

        Assert.Contains("not finite", Assert.Throws<InvalidOperationException>(() => new TextGenerator(model).Generate([[3]], Greedy, seed: 0)).Message, StringComparison.Ordinal);
    }

    /// <summary>Every text of at most so many tokens that ends with id 1 or has them all, with its log-probability.</summary>
    private static IEnumerable<(int[] Ids, double Logprob)> AllTexts(CausalLanguageModel model, int[] prefix, int tokens)
    {
        using var scope = NewDisposeScope();
        var logprobs = TinyModels.Floats(model.forward(TinyModels.Ids(prefix))[0, prefix.Length - 1].log_softmax(0));
        return [.. Enumerable.Range(0, logprobs.Length).SelectMany(id => id == 1 || tokens == 1
            ? [([id], logprobs[id])]
            : AllTexts(model, [.. prefix, id], tokens - 1).Select(rest => ((int[] Ids, double Logprob))([id, .. rest.Ids], logprobs[id] + rest.Logprob)))];
    }

    private static void RandomizeNormsAndBiases(CausalLanguageModel model)
    {
        // Ones and zeros would hide one that was left out.
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
