using Rlhf.Modeling.Tokenization;
using Rlhf.Modeling.Transformer;
using Rlhf.Numerics;
using Rlhf.Torch.Extensions;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Tests;

/// <summary>Models of a few thousand weights with fixed random values, and a tokenizer trained on a few sentences.</summary>
internal static class TinyModels
{
    /// <summary>4 query heads over 2 key/value heads; the large initial weights make distributions far from uniform.</summary>
    public static TransformerConfig Config { get; } = new()
    {
        VocabSize = 48,
        HiddenSize = 32,
        IntermediateSize = 40,
        NumHiddenLayers = 2,
        NumAttentionHeads = 4,
        NumKeyValueHeads = 2,
        HeadDim = 8,
        MaxPositionEmbeddings = 64,
        RmsNormEps = 1e-5,
        InitializerRange = 0.3,
        TieWordEmbeddings = true,
        BosTokenId = 0,
        EosTokenIds = [1],
        PadTokenId = 2,
    };

    /// <summary>A small config of every family, and of the variants that change how a block is put together.</summary>
    public static IReadOnlyDictionary<string, TransformerConfig> Families { get; } = new Dictionary<string, TransformerConfig>
    {
        ["llama"] = Config,
        ["llama-llama3"] = Config with
        {
            RopeScaling = new RopeScaling("llama3", 8) { LowFreqFactor = 1, HighFreqFactor = 4, OriginalMaxPositionEmbeddings = 16 },
        },
        ["llama-yarn"] = Config with { RopeScaling = new RopeScaling("yarn", 4) { BetaFast = 4, BetaSlow = 0.5, AttentionFactor = 1.25 } },
        ["llama-dynamic"] = Config with { RopeScaling = new RopeScaling("dynamic", 2), AttentionBias = true, MlpBias = true },
        ["mistral"] = Config with { ModelType = "mistral", SlidingWindow = 3, TieWordEmbeddings = false },
        ["qwen2"] = Config with { ModelType = "qwen2", UseSlidingWindow = true, SlidingWindow = 3, MaxWindowLayers = 1 },
        ["qwen3"] = Config with { ModelType = "qwen3", HeadDim = 16, LayerTypes = ["sliding_attention", "full_attention"], UseSlidingWindow = true, SlidingWindow = 4 },
        ["gpt2"] = LayerNormed with { ModelType = "gpt2", HiddenAct = "gelu_new", IntermediateSize = 40, ScaleAttnByInverseLayerIdx = true },
        ["gpt_neox"] = LayerNormed with { ModelType = "gpt_neox", HiddenAct = "gelu", PartialRotaryFactor = 0.25, AttentionBias = true, TieWordEmbeddings = false },
        ["gpt_neox-sequential"] = LayerNormed with { ModelType = "gpt_neox", HiddenAct = "gelu", UseParallelResidual = false, RopeScaling = new RopeScaling("linear", 2) },
        ["opt"] = Opt,
        ["opt-norm-after"] = Opt with { DoLayerNormBefore = false, WordEmbedProjDim = 16 },
        ["opt-plain"] = Opt with
        {
            EnableBias = false, LayerNormElementwiseAffine = false, RemoveFinalLayerNorm = true, TieWordEmbeddings = false,
        },
        ["bloom"] = LayerNormed with { ModelType = "bloom", HiddenAct = "gelu_pytorch_tanh", IntermediateSize = 128, ApplyResidualConnectionPostLayernorm = true },
        ["phi"] = LayerNormed with { ModelType = "phi", HiddenAct = "gelu_new", PartialRotaryFactor = 0.5, NumKeyValueHeads = 2, TieWordEmbeddings = false },
    };

    private static TransformerConfig Opt => Config with { ModelType = "opt", HiddenAct = "relu", NumKeyValueHeads = 4, RmsNormEps = 1e-6 };

    private static TransformerConfig LayerNormed => Config with { NumKeyValueHeads = 4, RmsNormEps = 1e-6, LayerNormEps = 1e-4 };

    public static CausalLanguageModel Causal(TransformerConfig? config = null, ulong seed = 1)
    {
        var model = new CausalLanguageModel(config ?? Config);
        model.Initialize(new Philox(seed));
        return model;
    }

    public static Tokenizer Tokenizer() => BpeTrainer.Train(
        ["the cat sat on the mat", "the dog sat on the cat", "a mat, a cat, a dog"], 280, ["<|endoftext|>", "<pad>"]);

    public static Tensor Ids(params int[][] rows) =>
        tensor([.. rows.SelectMany(row => row).Select(id => (long)id)], [rows.Length, rows[0].Length]);

    /// <summary>Rows of different lengths with padding in front (left) or behind, and their mask.</summary>
    public static (Tensor Ids, Tensor Mask) Padded(int[][] rows, bool left, int extra = 0)
    {
        var length = rows.Max(row => row.Length) + extra;
        int[] Fill(int[] row, int value) => [.. Enumerable.Repeat(value, length - row.Length)];
        var ids = rows.Select(row => left ? [.. Fill(row, 2), .. row] : (int[])[.. row, .. Fill(row, 2)]);
        var mask = rows.Select(row => row.Select(_ => 1).ToArray()).Select(ones => left ? [.. Fill(ones, 0), .. ones] : (int[])[.. ones, .. Fill(ones, 0)]);
        return (Ids([.. ids]), Ids([.. mask]));
    }

    /// <summary>The number of tensors alive, after those that earlier tests dropped without disposing are gone.</summary>
    public static long LiveTensors()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        return TorchRuntime.LiveTensors;
    }

    public static float[] Floats(Tensor tensor)
    {
        using var flat = tensor.detach().contiguous();
        return flat.data<float>().ToArray();
    }
}
