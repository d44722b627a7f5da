using System.Text.Json.Nodes;

namespace Rlhf.Modeling.Transformer.Families;

/// <summary>Mistral (Jiang et al. 2023): Llama whose blocks can all have a sliding window.</summary>
internal sealed class MistralFamily : LlamaFamily
{
    public override string CausalArchitecture => "MistralForCausalLM";

    // The reference's class has a default window of 4096 where the field is absent.
    public override TransformerConfig Read(ConfigFields fields) => base.Read(fields) with
    {
        SlidingWindow = fields.Defines("sliding_window") ? fields.Integer("sliding_window") : 4096,
        MaxPositionEmbeddings = fields.Integer("max_position_embeddings") ?? 4096 * 32,
        AttentionBias = false,
        MlpBias = false,
    };

    protected override void WriteOwn(TransformerConfig config, JsonObject json) => json["sliding_window"] = config.SlidingWindow;
}
