using System.Text.Json.Nodes;

namespace Rlhf.Modeling.Transformer.Families;

/// <summary>BLOOM (BigScience 2022): ALiBi, a norm behind the embeddings, tanh-approximated GELU.</summary>
internal sealed class BloomFamily : ModelFamily
{
    private static readonly ModuleNames Names = new()
    {
        Body = ["transformer"],
        TokenEmbedding = "word_embeddings",
        EmbeddingNorm = "word_embeddings_layernorm",
        Layers = "h",
        FinalNorm = "ln_f",
        Attention = "self_attention",
        Fused = "query_key_value",
        Output = "dense",
        Up = "dense_h_to_4h",
        Down = "dense_4h_to_h",
        Buffers = [],
    };

    public override string CausalArchitecture => "BloomForCausalLM";

    public override bool Rotary => false;

    public override TransformerConfig Read(ConfigFields fields)
    {
        var config = ReadShape(
            fields, ["hidden_size", "n_embed"], ["n_layer", "num_hidden_layers"], ["n_head", "num_attention_heads"], "hidden_act", "gelu_pytorch_tanh");
        if (config.HiddenAct != "gelu_pytorch_tanh")
        {
            fields.Fault("hidden_act", $"\"{config.HiddenAct}\"", "absent: BLOOM has no choice");
        }

        return config with
        {
            IntermediateSize = 4 * config.HiddenSize,
            MaxPositionEmbeddings = fields.Integer("seq_length") ?? 2048,
            LayerNormEps = fields.Number("layer_norm_epsilon") ?? 1e-5,
            TieWordEmbeddings = fields.Flag("tie_word_embeddings") ?? true,
            ApplyResidualConnectionPostLayernorm = fields.Flag("apply_residual_connection_post_layernorm") ?? false,
        };
    }

    public override void Write(TransformerConfig config, JsonObject json)
    {
        json["hidden_size"] = config.HiddenSize;
        json["n_layer"] = config.NumHiddenLayers;
        json["n_head"] = config.NumAttentionHeads;
        json["seq_length"] = config.MaxPositionEmbeddings;
        json["layer_norm_epsilon"] = config.LayerNormEps;
        json["apply_residual_connection_post_layernorm"] = config.ApplyResidualConnectionPostLayernorm;
        json["initializer_range"] = config.InitializerRange;
        json["attention_dropout"] = 0.0;
        json["hidden_dropout"] = 0.0;
    }

    public override Architecture Architecture(TransformerConfig config) => new()
    {
        Names = Names,
        NormEpsilon = config.LayerNormEps,
        EmbeddingNorm = true,
        Alibi = true,
        FusedLayout = FusedLayout.PerHead,
        QueryKeyValueBias = true,
        OutputBias = true,
        FeedForwardBias = true,
        ResidualFromNorm = config.ApplyResidualConnectionPostLayernorm,
    };
}
