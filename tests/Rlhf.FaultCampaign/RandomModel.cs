using Rlhf.Modeling.Checkpoints;
using Rlhf.Modeling.Tokenization;
using Rlhf.Modeling.Transformer;
using Rlhf.Numerics;

namespace Rlhf.FaultCampaign;

/// <summary>
/// A first policy of the base model's shape, much smaller and with random weights: it answers at once, and two answers are practically never
/// equal, so that every round has the same number of comparisons.
/// </summary>
internal static class RandomModel
{
    public static string Write(string directory, ulong seed)
    {
        var tokenizer = Tokenizer.Load(Path.Combine(AppContext.BaseDirectory, "models", "base"));
        var config = new TransformerConfig
        {
            VocabSize = 2048,
            HiddenSize = 64,
            IntermediateSize = 128,
            NumHiddenLayers = 2,
            NumAttentionHeads = 2,
            NumKeyValueHeads = 2,
            HeadDim = 32,
            MaxPositionEmbeddings = 256,
            TieWordEmbeddings = true,
            EosTokenIds = [0],
        };
        using var model = new CausalLanguageModel(config);
        model.Initialize(new Philox(seed));
        PretrainedModel.Save(model, tokenizer, directory);
        return directory;
    }
}
