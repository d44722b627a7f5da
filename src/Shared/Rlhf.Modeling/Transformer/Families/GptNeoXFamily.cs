using System.Text.Json.Nodes;

namespace Rlhf.Modeling.Transformer.Families;

/// <summary>GPT-NeoX and Pythia (Black et al. 2022): rotary positions on the front of each head, parallel residual.</summary>
internal sealed class GptNeoXFamily : ModelFamily
{
    private static readonly ModuleNames Names = new()
    {
        Body = ["gpt_neox"],
        TokenEmbedding = "embed_in",
        FinalNorm = "final_layer_norm",
        Head = "embed_out",
        Attention = "attention",
        Fused = "query_key_value",
        Output = "dense",
        Up = "dense_h_to_4h",
        Down = "dense_4h_to_h",
        Buffers = [".attention.bias", ".attention.masked_bias", ".attention.rotary_emb.inv_freq", ".rotary_emb.inv_freq"],
    };

    public override string CausalArchitecture => "GPTNeoXForCausalLM";

    public override TransformerConfig Read(ConfigFields fields)
    {
        var config = ReadShape(fields, ["hidden_size"], ["num_hidden_layers"], ["num_attention_heads"], "hidden_act", "gelu");
        config = ReadRotary(fields, config, "rotary_emb_base", "rotary_pct", 0.25);
        return config with
        {
            IntermediateSize = fields.RequiredInteger("intermediate_size"),
            MaxPositionEmbeddings = fields.Integer("max_position_embeddings") ?? 2048,
            LayerNormEps = fields.Number("layer_norm_eps") ?? 1e-5,
            TieWordEmbeddings = fields.Flag("tie_word_embeddings") ?? false,
            UseParallelResidual = fields.Flag("use_parallel_residual") ?? true,
            AttentionBias = fields.Flag("attention_bias") ?? true,
        };
    }

    public override void Write(TransformerConfig config, JsonObject json)
    {
        json["hidden_size"] = config.HiddenSize;
        json["intermediate_size"] = config.IntermediateSize;
        json["num_hidden_layers"] = config.NumHiddenLayers;
        json["num_attention_heads"] = config.NumAttentionHeads;
        json["hidden_act"] = config.HiddenAct;
        json["max_position_embeddings"] = config.MaxPositionEmbeddings;
        json["layer_norm_eps"] = config.LayerNormEps;
        json["rotary_emb_base"] = config.RopeTheta;
        json["rotary_pct"] = config.PartialRotaryFactor;
        json["rope_scaling"] = config.RopeScaling?.ToJsonObject();
        json["use_parallel_residual"] = config.UseParallelResidual;
        json["attention_bias"] = config.AttentionBias;
        json["attention_dropout"] = 0.0;
        json["hidden_dropout"] = 0.0;
        json["initializer_range"] = config.InitializerRange;
    }

    public override Architecture Architecture(TransformerConfig config) => new()
    {
        Names = Names,
        NormEpsilon = config.LayerNormEps,
        Rotary = true,
        FusedLayout = FusedLayout.PerHead,
        QueryKeyValueBias = config.AttentionBias,
        OutputBias = config.AttentionBias,
        FeedForwardBias = true,
        ParallelResidual = config.UseParallelResidual,
    };
}
