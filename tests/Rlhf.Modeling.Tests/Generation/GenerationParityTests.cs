using System.Globalization;
using System.Text.Json;
using Rlhf.Modeling.Checkpoints;
using Rlhf.Modeling.Generation;
using Rlhf.Modeling.Transformer;
using Rlhf.Numerics;
using Rlhf.TestSupport;
using TorchSharp;
using static TorchSharp.torch;
using TextGenerator = Rlhf.Modeling.Generation.Generator;

namespace Rlhf.Modeling.Tests.Generation;

/// <summary>Decoding of Hugging Face transformers, from the reference data, for every family there is.</summary>
[Trait("Category", "Parity")]
public sealed class GenerationParityTests
{
    public static TheoryData<string> Folders
    {
        get
        {
            var root = SharedData.Root is null ? null : Path.Combine(SharedData.Root, "fixtures", "transformers");
            return root is null || !Directory.Exists(root) ? ["none"] : [.. Directory.GetDirectories(root).Where(IsSupported).Select(folder => Path.GetFileName(folder))];
        }
    }

    [Theory]
    [MemberData(nameof(Folders))]
    public void Greedy_WithRepetitionPenalty_SameTokens(string folder)
    {
        using var fixture = new Fixture(folder);
        var expected = fixture.Root.GetProperty("greedy_with_repetition_penalty_1.3");
        var ids = Ints(expected.GetProperty("new_tokens"));
        var parameters = new SamplingParameters { Temperature = 0, MaxNewTokens = ids.Length, RepetitionPenalty = 1.3 };
        Assert.Equal(ids, new TextGenerator(fixture.Endless).Generate([Ints(expected.GetProperty("input_ids"))], parameters, seed: 0)[0].Ids);
    }

    [Theory]
    [MemberData(nameof(Folders))]
    public void BeamSearch_SameSequencesAndScores(string folder)
    {
        using var fixture = new Fixture(folder);
        var expected = fixture.Root.GetProperty("beam_search");
        var sequences = expected.GetProperty("sequences").EnumerateArray().Select(Ints).ToArray();
        var parameters = new SamplingParameters
        {
            Temperature = 0,
            MaxNewTokens = expected.GetProperty("max_new_tokens").GetInt32(),
            NumBeams = expected.GetProperty("num_beams").GetInt32(),
            LengthPenalty = expected.GetProperty("length_penalty").GetDouble(),
            NumReturnSequences = sequences.Length,
        };
        var beams = new TextGenerator(fixture.Endless).Generate([Ints(expected.GetProperty("input_ids"))], parameters, seed: 0);
        Assert.Equal(sequences, beams.Select(beam => beam.Ids));
        foreach (var (score, beam) in expected.GetProperty("scores").EnumerateArray().Zip(beams))
        {
            Assert.Equal(score.GetDouble(), beam.Score!.Value, 2e-5);
        }
    }

    [Theory]
    [MemberData(nameof(Folders))]
    public void Filters_SameTokensStayWithTheSameScores(string folder)
    {
        using var fixture = new Fixture(folder);
        var filters = fixture.Root.GetProperty("filters");
        var prefix = Ints(filters.GetProperty("prefix"));
        var logits = Floats(filters.GetProperty("logits"));
        foreach (var entry in filters.GetProperty("processed").EnumerateObject())
        {
            AssertDistribution(entry.Name, Floats(entry.Value), logits, prefix, Parameters(entry.Name));
        }
    }

    /// <summary>"top_k_5" and the like, joined by "_then_".</summary>
    private static SamplingParameters Parameters(string name) => name.Split("_then_").Aggregate(new SamplingParameters { MaxNewTokens = 100 }, (parameters, part) =>
    {
        if (part == "min_new_tokens_3_blocks_eos_2")
        {
            return parameters with { MinNewTokens = 3 };
        }

        var split = part.LastIndexOf('_');
        var value = double.Parse(part[(split + 1)..], CultureInfo.InvariantCulture);
        return part[..split] switch
        {
            "repetition_penalty" or "repetition" => parameters with { RepetitionPenalty = value },
            "temperature" => parameters with { Temperature = value },
            "top_k" => parameters with { TopK = (int)value },
            "top_p" => parameters with { TopP = value },
            "min_p" => parameters with { MinP = value },
            "typical_p" => parameters with { TypicalP = value },
            "eta_cutoff" => parameters with { EtaCutoff = value },
            "epsilon_cutoff" => parameters with { EpsilonCutoff = value },
            "no_repeat_ngram" => parameters with { NoRepeatNgramSize = (int)value },
            _ => throw new InvalidDataException($"unknown filter {part}"),
        };
    });

    private static void AssertDistribution(string name, float[] expected, float[] logits, int[] prefix, SamplingParameters parameters)
    {
        var sampler = new TokenSampler(logits.Length);
        sampler.Sample(logits, parameters, prefix, prefix.Length, [2], new Philox(1));
        var kept = sampler.Distribution.Kept.ToArray();
        var weights = sampler.Distribution.Weights;
        var best = Array.IndexOf(expected, expected.Max());
        for (var id = 0; id < expected.Length; id++)
        {
            // A weight is exp(score − best score); the best one may have gone.
            var stays = kept.Length == 0 ? weights[id] > 0 : kept.Contains(id);
            Assert.True(stays == !float.IsNegativeInfinity(expected[id]), $"{name}: id {id} {(stays ? "stays" : "goes")}");
            if (stays)
            {
                Assert.Equal(expected[id] - expected[best], Math.Log(weights[id] / weights[best]), 1e-4);
            }
        }
    }

    private static bool IsSupported(string folder)
    {
        using var config = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "config.json")));
        return TransformerConfig.SupportedModelTypes.Contains(config.RootElement.GetProperty("model_type").GetString());
    }

    private static int[] Ints(JsonElement list) => [.. list.EnumerateArray().Select(value => value.GetInt32())];

    private static float[] Floats(JsonElement list) =>
        [.. list.EnumerateArray().Select(value => value.ValueKind == JsonValueKind.Null ? float.NegativeInfinity : value.GetSingle())];

    /// <summary>One folder of the reference data, and its model without ids that end a text, as the reference ran.</summary>
    private sealed class Fixture : IDisposable
    {
        private readonly JsonDocument _cases;

        public Fixture(string folder)
        {
            var directory = SharedData.Require("fixtures", "transformers", folder);
            _cases = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(directory, "cases.json")));
            using var loaded = PretrainedModel.LoadCausal(directory);
            Endless = new CausalLanguageModel(loaded.Config with { EosTokenIds = [] });
            Endless.load_state_dict(loaded.state_dict());
        }

        public JsonElement Root => _cases.RootElement;

        public CausalLanguageModel Endless { get; }

        public void Dispose()
        {
            Endless.Dispose();
            _cases.Dispose();
        }
    }
}
