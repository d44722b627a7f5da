using System.Text.Json.Nodes;

namespace Rlhf.Modeling.Transformer.Families;

/// <summary>GPT-2 (Radford et al. 2019): learned positions, LayerNorm, matrices stored as [inputs, outputs].</summary>
internal sealed class Gpt2Family : ModelFamily
{
    private static readonly ModuleNames Names = new()
    {
        Body = ["transformer"],
        TokenEmbedding = "wte",
        PositionEmbedding = "wpe",
        Layers = "h",
        FinalNorm = "ln_f",
        Attention = "attn",
        Fused = "c_attn",
        Output = "c_proj",
        Up = "c_fc",
        Down = "c_proj",
        InputNorm = "ln_1",
        PostAttentionNorm = "ln_2",
        Buffers = [".attn.bias", ".attn.masked_bias"],
    };

    public override string CausalArchitecture => "GPT2LMHeadModel";

    public override bool Rotary => false;

    public override TransformerConfig Read(ConfigFields fields)
    {
        var config = ReadShape(
            fields, ["n_embd", "hidden_size"], ["n_layer", "num_hidden_layers"], ["n_head", "num_attention_heads"], "activation_function", "gelu_new");
        return config with
        {
            IntermediateSize = fields.Integer("n_inner") ?? (4 * config.HiddenSize),
            MaxPositionEmbeddings = fields.Integer("n_positions") ?? fields.Integer("max_position_embeddings") ?? 1024,
            LayerNormEps = fields.Number("layer_norm_epsilon") ?? 1e-5,
            TieWordEmbeddings = fields.Flag("tie_word_embeddings") ?? true,
            ScaleAttnWeights = fields.Flag("scale_attn_weights") ?? true,
            ScaleAttnByInverseLayerIdx = fields.Flag("scale_attn_by_inverse_layer_idx") ?? false,
            ReorderAndUpcastAttn = fields.Flag("reorder_and_upcast_attn") ?? false,
        };
    }

    public override void Write(TransformerConfig config, JsonObject json)
    {
        json["n_embd"] = config.HiddenSize;
        json["n_inner"] = config.IntermediateSize == 4 * config.HiddenSize ? null : config.IntermediateSize;
        json["n_layer"] = config.NumHiddenLayers;
        json["n_head"] = config.NumAttentionHeads;
        json["n_positions"] = config.MaxPositionEmbeddings;
        json["activation_function"] = config.HiddenAct;
        json["layer_norm_epsilon"] = config.LayerNormEps;
        json["initializer_range"] = config.InitializerRange;
        json["scale_attn_weights"] = config.ScaleAttnWeights;
        json["scale_attn_by_inverse_layer_idx"] = config.ScaleAttnByInverseLayerIdx;
        json["reorder_and_upcast_attn"] = config.ReorderAndUpcastAttn;
        json["attn_pdrop"] = 0.0;
        json["embd_pdrop"] = 0.0;
        json["resid_pdrop"] = 0.0;
    }

    public override Architecture Architecture(TransformerConfig config) => new()
    {
        Names = Names,
        NormEpsilon = config.LayerNormEps,
        LearnedPositions = true,
        FusedLayout = FusedLayout.Concatenated,
        QueryKeyValueBias = true,
        OutputBias = true,
        FeedForwardBias = true,
        StoredTransposed = true,

        // Two matrices a block write to the residual stream; the paper's section 2.3 scales them so that its variance does not grow.
        ResidualInitializerRange = config.InitializerRange / Math.Sqrt(2 * config.NumHiddenLayers),
    };
}
