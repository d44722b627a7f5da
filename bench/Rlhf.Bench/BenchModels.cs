using Rlhf.Modeling.Transformer;
using Rlhf.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Rlhf.Bench;

/// <summary>The two configurations of all tables, with random weights.</summary>
public static class BenchModels
{
    /// <summary>The names of the configurations, the larger one first.</summary>
    public static IReadOnlyList<string> Names { get; } = ["gpt2", "small"];

    /// <summary>gpt2: 12 layers, width 768, 12 heads, 50,257 tokens; small: 6 layers, width 384, 6 heads, 8,192 tokens.</summary>
    public static TransformerConfig Config(string name) => name switch
    {
        "gpt2" => Gpt2(layers: 12, width: 768, heads: 12, vocabulary: 50257),
        "small" => Gpt2(layers: 6, width: 384, heads: 6, vocabulary: 8192),
        _ => throw new ArgumentException($"'{name}' is none of {string.Join(", ", Names)}", nameof(name)),
    };

    /// <summary>A model with weights of seed 1.</summary>
    public static CausalLanguageModel Create(string name, ScalarType dtype = ScalarType.Float32)
    {
        var model = new CausalLanguageModel(Config(name), dtype);
        model.Initialize(new Philox(1));
        return model;
    }

    /// <summary>Numbers of a model.</summary>
    public static long Parameters(nn.Module model) => model.parameters().Sum(p => p.numel());

    /// <summary>Random tokens.</summary>
    public static int[] Tokens(TransformerConfig config, int count, ulong seed)
    {
        var random = new Philox(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (int)random.Next(config.VocabSize))];
    }

    private static TransformerConfig Gpt2(int layers, int width, int heads, int vocabulary) => new()
    {
        ModelType = "gpt2",
        VocabSize = vocabulary,
        HiddenSize = width,
        IntermediateSize = 4 * width,
        NumHiddenLayers = layers,
        NumAttentionHeads = heads,
        NumKeyValueHeads = heads,
        HeadDim = width / heads,
        MaxPositionEmbeddings = 1024,
        TieWordEmbeddings = true,
        HiddenAct = "gelu_new",
        EosTokenIds = [vocabulary - 1],
    };
}
