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
