using Rlhf.Modeling.Tokenization;
using Rlhf.Modeling.Transformer;
using Rlhf.Numerics;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Tests.Gguf;

/// <summary>Tiny random models of every architecture that GGUF is written for; no weight or bias is 0 or 1, so that none can be left out.</summary>
internal static class GgufModels
{
    private static readonly TransformerConfig Base = new()
    {
        VocabSize = 288,
        HiddenSize = 32,
        IntermediateSize = 64,
        NumHiddenLayers = 2,
        NumAttentionHeads = 4,
        NumKeyValueHeads = 4,
        HeadDim = 8,
        MaxPositionEmbeddings = 64,
        RmsNormEps = 1e-5,
        EosTokenIds = [0],
    };

    private static readonly RopeScaling Llama3 = new("llama3", 8) { LowFreqFactor = 1, HighFreqFactor = 4, OriginalMaxPositionEmbeddings = 32 };

    /// <summary>By name; beside the plain architectures what changes their tensors or metadata.</summary>
    public static IReadOnlyDictionary<string, TransformerConfig> Configs { get; } = new Dictionary<string, TransformerConfig>
    {
        ["llama"] = Base with { NumKeyValueHeads = 2 },
        ["llama with biases, tied, free head_dim"] = Base with { HeadDim = 12, AttentionBias = true, MlpBias = true, TieWordEmbeddings = true },
        ["llama with llama3 scaling"] = Base with { NumKeyValueHeads = 1, RopeScaling = Llama3 },
        ["llama with linear scaling"] = Base with { RopeScaling = new("linear", 2) },
        ["llama with yarn scaling"] = Base with { RopeScaling = new("yarn", 4) { OriginalMaxPositionEmbeddings = 16 } },
        ["llama with yarn scaling and attention_factor"] = Base with { RopeScaling = new("yarn", 4) { AttentionFactor = 1.3 } },
        ["mistral"] = Base with { ModelType = "mistral", NumKeyValueHeads = 2, RopeTheta = 1e6 },
        ["qwen2"] = Base with { ModelType = "qwen2", NumKeyValueHeads = 2, TieWordEmbeddings = true },
        ["qwen3"] = Base with { ModelType = "qwen3", NumKeyValueHeads = 2, HeadDim = 16 },
        ["gpt2"] = Base with { ModelType = "gpt2", HiddenAct = "gelu_new", TieWordEmbeddings = true },
        ["gpt2 untied"] = Base with { ModelType = "gpt2", HiddenAct = "gelu_new", IntermediateSize = 96 },
        ["gpt_neox"] = Base with { ModelType = "gpt_neox", HiddenAct = "gelu", HiddenSize = 64, HeadDim = 16, PartialRotaryFactor = 0.25 },
        ["gpt_neox sequential, tied, without attention_bias"] = Base with
        {
            ModelType = "gpt_neox", HiddenAct = "gelu_new", UseParallelResidual = false, TieWordEmbeddings = true, AttentionBias = false,
        },
        ["bloom"] = Base with { ModelType = "bloom", HiddenAct = "gelu_pytorch_tanh", IntermediateSize = 128, TieWordEmbeddings = true },
        ["bloom with 6 heads"] = Base with
        {
            ModelType = "bloom", HiddenAct = "gelu_pytorch_tanh", HiddenSize = 96, IntermediateSize = 384, NumAttentionHeads = 6, NumKeyValueHeads = 6, HeadDim = 16,
            TieWordEmbeddings = true,
        },
        ["phi"] = Base with { ModelType = "phi", HiddenAct = "gelu_new", PartialRotaryFactor = 0.5, AttentionBias = true },
    }.ToDictionary(entry => entry.Key, entry => entry.Value with { AttentionBias = entry.Value.AttentionBias || entry.Key == "gpt_neox" });

    public static CausalLanguageModel Random(TransformerConfig config, ulong seed = 1)
    {
        var model = new CausalLanguageModel(config);
        using var noGrad = no_grad();
        var random = new Philox(seed);
        var norms = model.modules().OfType<Norm>().Select(norm => norm.weight).ToHashSet();
        foreach (var (_, parameter) in model.named_parameters())
        {
            Weights.FillNormal(parameter, random, 0.2);
            if (norms.Contains(parameter))
            {
                parameter.add_(1);
            }
        }

        return model;
    }

    /// <summary>274 ids, 256 of them bytes: fourteen rows of the models' vocabulary have no token.</summary>
    public static Tokenizer Tokenizer() => TinyModels.Tokenizer();
}
