using System.Runtime.InteropServices;
using Rlhf.Modeling.Heads;
using Rlhf.Modeling.Transformer;
using Rlhf.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Trainer.Service.Tests.Algorithms;

/// <summary>Random models small enough for whole training runs in a test.</summary>
internal static class TinyModels
{
    public const int Pad = 0;
    public const int Eos = 1;

    public static TransformerConfig Config(int vocabSize) => new()
    {
        VocabSize = vocabSize,
        HiddenSize = 16,
        IntermediateSize = 32,
        NumHiddenLayers = 2,
        NumAttentionHeads = 2,
        NumKeyValueHeads = 1,
        HeadDim = 8,
        MaxPositionEmbeddings = 64,
        EosTokenIds = [Eos],
        PadTokenId = Pad,
    };

    public static CausalLanguageModel Policy(ulong seed = 1, int vocabSize = 16)
    {
        var model = new CausalLanguageModel(Config(vocabSize));
        model.Initialize(new Philox(seed));
        return model;
    }

    public static ScalarHeadModel Critic(CausalLanguageModel policy, ulong seed = 2) => ScalarHeadModel.FromCausal(policy, new Philox(seed));

    /// <summary>All weights as one sequence of bytes.</summary>
    public static byte[] Bytes(nn.Module module)
    {
        using var scope = NewDisposeScope();
        return [.. module.named_parameters().SelectMany(p => MemoryMarshal.AsBytes(p.parameter.detach().data<float>().ToArray().AsSpan()).ToArray())];
    }

    /// <summary>All files of the newest state in a directory, in the order of their names.</summary>
    public static byte[][] NewestState(string directory) =>
        [.. Directory.GetFiles(Directory.GetDirectories(directory).Order(StringComparer.Ordinal).Last()).Order(StringComparer.Ordinal).Select(File.ReadAllBytes)];
}
