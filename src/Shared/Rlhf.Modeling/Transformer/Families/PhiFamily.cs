using System.Text.Json.Nodes;

namespace Rlhf.Modeling.Transformer.Families;

/// <summary>
/// Phi-1, Phi-1.5 and Phi-2 (Gunasekar et al. 2023; Li et al. 2023): rotary positions on the front of each head, attention and
/// feed-forward block side by side behind one norm, biases everywhere.
/// </summary>
internal sealed class PhiFamily : ModelFamily
{
    private static readonly ModuleNames Names = new()
    {
        FinalNorm = "final_layernorm",
        Output = "dense",
        Up = "fc1",
        Down = "fc2",
    };

    public override string CausalArchitecture => "PhiForCausalLM";

    public override bool GroupedQueries => true;

    public override bool CanTie => false;

    public override TransformerConfig Read(ConfigFields fields)
    {
        var config = ReadShape(fields, ["hidden_size"], ["num_hidden_layers"], ["num_attention_heads"], "hidden_act", "gelu_new");
        config = ReadRotary(fields, config, "rope_theta", "partial_rotary_factor", 0.5);

        // The reference normalizes the joined heads with a norm of one head's width, which fails there with more than one head.
        fields.RequireFlag("qk_layernorm", false);
        return config with
        {
            IntermediateSize = fields.RequiredInteger("intermediate_size"),
            NumKeyValueHeads = fields.Integer("num_key_value_heads") ?? config.NumAttentionHeads,
            MaxPositionEmbeddings = fields.Integer("max_position_embeddings") ?? 2048,
            LayerNormEps = fields.Number("layer_norm_eps") ?? 1e-5,
            TieWordEmbeddings = fields.Flag("tie_word_embeddings") ?? false,
        };
    }

    public override void Write(TransformerConfig config, JsonObject json)
    {
        json["hidden_size"] = config.HiddenSize;
        json["intermediate_size"] = config.IntermediateSize;
        json["num_hidden_layers"] = config.NumHiddenLayers;
        json["num_attention_heads"] = config.NumAttentionHeads;
        json["num_key_value_heads"] = config.NumKeyValueHeads;
        json["hidden_act"] = config.HiddenAct;
        json["max_position_embeddings"] = config.MaxPositionEmbeddings;
        json["layer_norm_eps"] = config.LayerNormEps;
        json["rope_theta"] = config.RopeTheta;
        json["partial_rotary_factor"] = config.PartialRotaryFactor;
        json["rope_scaling"] = config.RopeScaling?.ToJsonObject();
        json["qk_layernorm"] = false;
        json["attention_dropout"] = 0.0;
        json["embd_pdrop"] = 0.0;
        json["resid_pdrop"] = 0.0;
        json["initializer_range"] = config.InitializerRange;
    }

    public override Architecture Architecture(TransformerConfig config) => new()
    {
        Names = Names,
        NormEpsilon = config.LayerNormEps,
        Rotary = true,
        QueryKeyValueBias = true,
        OutputBias = true,
        FeedForwardBias = true,
        HeadBias = true,
        ParallelResidual = true,
        SharedNorm = true,
    };
}
