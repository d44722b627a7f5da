using Rlhf.Modeling.Checkpoints;
using Rlhf.Modeling.Heads;
using Rlhf.Modeling.Tokenization;
using Rlhf.Modeling.Transformer;
using Rlhf.Numerics;

namespace Cli.Tests.Training;

/// <summary>A model directory of a few thousand weights, and a reward model's of the same base.</summary>
internal static class TinyPolicy
{
    public static void Write(string policy, string? reward = null)
    {
        var tokenizer = BpeTrainer.Train(["Name a colour.", "red green blue"], 270, ["<|endoftext|>"]);
        using var model = new CausalLanguageModel(new TransformerConfig
        {
            VocabSize = tokenizer.VocabSize,
            HiddenSize = 16,
            IntermediateSize = 32,
            NumHiddenLayers = 2,
            NumAttentionHeads = 2,
            NumKeyValueHeads = 1,
            HeadDim = 8,
            MaxPositionEmbeddings = 96,
            EosTokenIds = [tokenizer.EosTokenId!.Value],
        });
        model.Initialize(new Philox(1));
        PretrainedModel.Save(model, tokenizer, policy);
        if (reward is not null)
        {
            using var scalar = ScalarHeadModel.FromCausal(model, new Philox(2));
            PretrainedModel.Save(scalar, tokenizer, reward);
        }
    }
}
