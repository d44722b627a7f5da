using System.Text.Json.Nodes;

namespace Rlhf.Modeling.Transformer.Families;

/// <summary>Llama 1 to 3 (Touvron et al. 2023): RMSNorm, rotary positions, SwiGLU, grouped queries.</summary>
internal class LlamaFamily : ModelFamily
{
    public override string CausalArchitecture => "LlamaForCausalLM";

    public override bool GroupedQueries => true;

    public override bool FreeHeadDim => true;

    public override TransformerConfig Read(ConfigFields fields)
    {
        var config = ReadShape(fields, ["hidden_size"], ["num_hidden_layers"], ["num_attention_heads"], "hidden_act", "silu");
        config = ReadRotary(fields, config, "rope_theta", "partial_rotary_factor", 1);
        return config with
        {
            IntermediateSize = fields.RequiredInteger("intermediate_size"),
            NumKeyValueHeads = fields.Integer("num_key_value_heads") ?? config.NumAttentionHeads,
            HeadDim = fields.Integer("head_dim") ?? config.HeadDim,
            MaxPositionEmbeddings = fields.Integer("max_position_embeddings") ?? 2048,
            RmsNormEps = fields.Number("rms_norm_eps") ?? 1e-6,
            TieWordEmbeddings = fields.Flag("tie_word_embeddings") ?? false,
            AttentionBias = fields.Flag("attention_bias") ?? false,
            MlpBias = fields.Flag("mlp_bias") ?? false,
        };
    }

    public override void Write(TransformerConfig config, JsonObject json)
    {
        json["hidden_size"] = config.HiddenSize;
        json["intermediate_size"] = config.IntermediateSize;
        json["num_hidden_layers"] = config.NumHiddenLayers;
        json["num_attention_heads"] = config.NumAttentionHeads;
        json["num_key_value_heads"] = config.NumKeyValueHeads;
        json["head_dim"] = config.HeadDim;
        json["hidden_act"] = config.HiddenAct;
        json["max_position_embeddings"] = config.MaxPositionEmbeddings;
        json["rms_norm_eps"] = config.RmsNormEps;
        json["rope_theta"] = config.RopeTheta;
        json["rope_scaling"] = config.RopeScaling?.ToJsonObject();
        if (config.PartialRotaryFactor != 1)
        {
            json["partial_rotary_factor"] = config.PartialRotaryFactor;
        }

        json["attention_dropout"] = 0.0;
        json["initializer_range"] = config.InitializerRange;
        WriteOwn(config, json);
    }

    public override Architecture Architecture(TransformerConfig config) => new()
    {
        Names = new ModuleNames(),
        NormKind = NormKind.Rms,
        NormEpsilon = config.RmsNormEps,
        Rotary = true,
        Gated = true,
        QueryKeyValueBias = config.AttentionBias,
        OutputBias = config.AttentionBias,
        FeedForwardBias = config.MlpBias,
    };

    /// <summary>Writes the fields that only this family has.</summary>
    protected virtual void WriteOwn(TransformerConfig config, JsonObject json)
    {
        json["attention_bias"] = config.AttentionBias;
        json["mlp_bias"] = config.MlpBias;
    }
}
