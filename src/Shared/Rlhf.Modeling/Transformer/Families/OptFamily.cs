using System.Text.Json.Nodes;

namespace Rlhf.Modeling.Transformer.Families;

/// <summary>OPT (Zhang et al. 2022): learned positions from row 2, ReLU; the 350m model has its norms behind and narrow embeddings.</summary>
internal sealed class OptFamily : ModelFamily
{
    private static readonly ModuleNames Names = new()
    {
        Body = ["model", "decoder"],
        PositionEmbedding = "embed_positions",
        FinalNorm = "final_layer_norm",
        Output = "out_proj",
        FeedForward = null,
        Up = "fc1",
        Down = "fc2",
        InputNorm = "self_attn_layer_norm",
        PostAttentionNorm = "final_layer_norm",
        Buffers = [],
    };

    public override string CausalArchitecture => "OPTForCausalLM";

    public override bool Rotary => false;

    public override TransformerConfig Read(ConfigFields fields)
    {
        var config = ReadShape(fields, ["hidden_size"], ["num_hidden_layers"], ["num_attention_heads"], "activation_function", "relu");
        var width = fields.Integer("word_embed_proj_dim");
        return config with
        {
            IntermediateSize = fields.RequiredInteger("ffn_dim", "intermediate_size"),
            MaxPositionEmbeddings = fields.Integer("max_position_embeddings") ?? 2048,
            InitializerRange = fields.Number("init_std") ?? 0.02,
            TieWordEmbeddings = fields.Flag("tie_word_embeddings") ?? true,
            DoLayerNormBefore = fields.Flag("do_layer_norm_before") ?? true,
            RemoveFinalLayerNorm = fields.Flag("_remove_final_layer_norm") ?? false,
            WordEmbedProjDim = width == config.HiddenSize ? null : width,
            EnableBias = fields.Flag("enable_bias") ?? true,
            LayerNormElementwiseAffine = fields.Flag("layer_norm_elementwise_affine") ?? true,
        };
    }

    public override void Write(TransformerConfig config, JsonObject json)
    {
        json["hidden_size"] = config.HiddenSize;
        json["ffn_dim"] = config.IntermediateSize;
        json["num_hidden_layers"] = config.NumHiddenLayers;
        json["num_attention_heads"] = config.NumAttentionHeads;
        json["word_embed_proj_dim"] = config.EmbeddingWidth;
        json["activation_function"] = config.HiddenAct;
        json["max_position_embeddings"] = config.MaxPositionEmbeddings;
        json["do_layer_norm_before"] = config.DoLayerNormBefore;
        json["_remove_final_layer_norm"] = config.RemoveFinalLayerNorm;
        json["enable_bias"] = config.EnableBias;
        json["layer_norm_elementwise_affine"] = config.LayerNormElementwiseAffine;
        json["init_std"] = config.InitializerRange;
        json["attention_dropout"] = 0.0;
        json["dropout"] = 0.0;
        json["layerdrop"] = 0.0;
    }

    public override Architecture Architecture(TransformerConfig config) => new()
    {
        Names = Names,
        NormEpsilon = 1e-5,
        NormAffine = config.LayerNormElementwiseAffine,
        NormAfter = !config.DoLayerNormBefore,
        FinalNorm = config.DoLayerNormBefore && !config.RemoveFinalLayerNorm,
        LearnedPositions = true,

        // Position 0 is row 2 of the table: the first rows were those of special tokens in the code the models were trained with.
        PositionOffset = 2,
        QueryKeyValueBias = config.EnableBias,
        OutputBias = config.EnableBias,
        FeedForwardBias = config.EnableBias,
    };
}
