using System.Text.Json.Nodes;
using Rlhf.Modeling.Transformer.Families;

namespace Rlhf.Modeling.Transformer;

/// <summary>
/// The shape of a decoder-only transformer, as in a Hugging Face config.json (names in brackets; other families have other names for
/// the same field, which are read and written as theirs).
/// </summary>
/// <remarks>
/// Dropout fields are accepted and not applied: they are written as 0. Fields that name no part of the model's arithmetic are dropped.
/// </remarks>
public sealed partial record TransformerConfig
{
    /// <summary>The values of model_type that this code implements.</summary>
    public static IReadOnlyList<string> SupportedModelTypes { get; } = [.. ModelFamily.All.Keys];

    /// <summary>The architecture (<c>model_type</c>).</summary>
    public string ModelType { get; init; } = "llama";

    /// <summary>Number of token ids, V (<c>vocab_size</c>).</summary>
    public int VocabSize { get; init; }

    /// <summary>Width of the residual stream, D (<c>hidden_size</c>).</summary>
    public int HiddenSize { get; init; }

    /// <summary>Inner width of the feed-forward block (<c>intermediate_size</c>).</summary>
    public int IntermediateSize { get; init; }

    /// <summary>Number of blocks (<c>num_hidden_layers</c>).</summary>
    public int NumHiddenLayers { get; init; }

    /// <summary>Number of query heads (<c>num_attention_heads</c>).</summary>
    public int NumAttentionHeads { get; init; }

    /// <summary>
    /// Number of key/value heads; divides the number of query heads, and equals it in families without such a field
    /// (<c>num_key_value_heads</c>).
    /// </summary>
    public int NumKeyValueHeads { get; init; }

    /// <summary>Width of one head; hidden_size / num_attention_heads in families without such a field (<c>head_dim</c>).</summary>
    public int HeadDim { get; init; }

    /// <summary>The longest sequence in tokens of the first training (<c>max_position_embeddings</c>; BLOOM: <c>seq_length</c>).</summary>
    public int MaxPositionEmbeddings { get; init; } = 2048;

    /// <summary>The activation function of the feed-forward block (<c>hidden_act</c>).</summary>
    public string HiddenAct { get; init; } = "silu";

    /// <summary>Added to the mean square in RMSNorm (<c>rms_norm_eps</c>).</summary>
    public double RmsNormEps { get; init; } = 1e-6;

    /// <summary>Added to the variance in LayerNorm (<c>layer_norm_eps</c>); always 1e-5 in OPT.</summary>
    public double LayerNormEps { get; init; } = 1e-5;

    /// <summary>Base of the rotary frequencies (<c>rope_theta</c>).</summary>
    public double RopeTheta { get; init; } = 10000;

    /// <summary>The part of a head that rotary positions turn, from its front (<c>partial_rotary_factor</c>).</summary>
    public double PartialRotaryFactor { get; init; } = 1;

    /// <summary>How rotary frequencies are changed for long texts; null: not at all (<c>rope_scaling</c>).</summary>
    public RopeScaling? RopeScaling { get; init; }

    /// <summary>Standard deviation of the initial weights (<c>initializer_range</c>).</summary>
    public double InitializerRange { get; init; } = 0.02;

    /// <summary>Whether the output matrix is the embedding matrix (<c>tie_word_embeddings</c>).</summary>
    public bool TieWordEmbeddings { get; init; }

    /// <summary>Whether the attention projections have biases, in families that have the choice (<c>attention_bias</c>).</summary>
    public bool AttentionBias { get; init; }

    /// <summary>Whether Llama's three feed-forward projections have biases (<c>mlp_bias</c>).</summary>
    public bool MlpBias { get; init; }

    /// <summary>
    /// A token sees itself and this many tokens less one before it; null: all before it (<c>sliding_window</c>; Mistral, Qwen).
    /// </summary>
    public int? SlidingWindow { get; init; }

    /// <summary>Qwen: whether the window is in use at all (<c>use_sliding_window</c>).</summary>
    public bool UseSlidingWindow { get; init; }

    /// <summary>Qwen: the first block with a window (<c>max_window_layers</c>).</summary>
    public int MaxWindowLayers { get; init; }

    /// <summary>
    /// Qwen: for every block <c>full_attention</c> or <c>sliding_attention</c>; null: by <see cref="MaxWindowLayers"/> (<c>layer_types</c>).
    /// </summary>
    public string[]? LayerTypes { get; init; }

    /// <summary>GPT-2: scores are divided by √head_dim (<c>scale_attn_weights</c>).</summary>
    public bool ScaleAttnWeights { get; init; } = true;

    /// <summary>GPT-2: scores of block i, counted from 1, are also divided by i (<c>scale_attn_by_inverse_layer_idx</c>).</summary>
    public bool ScaleAttnByInverseLayerIdx { get; init; }

    /// <summary>GPT-2: without effect in single precision, kept for other readers (<c>reorder_and_upcast_attn</c>).</summary>
    public bool ReorderAndUpcastAttn { get; init; }

    /// <summary>GPT-NeoX: attention and feed-forward block read the same input (<c>use_parallel_residual</c>).</summary>
    public bool UseParallelResidual { get; init; } = true;

    /// <summary>OPT: norms stand before attention and feed-forward block rather than behind them (<c>do_layer_norm_before</c>).</summary>
    public bool DoLayerNormBefore { get; init; } = true;

    /// <summary>OPT: no norm at the end although norms stand before (<c>_remove_final_layer_norm</c>).</summary>
    public bool RemoveFinalLayerNorm { get; init; }

    /// <summary>OPT: width of the embeddings; null: hidden_size (<c>word_embed_proj_dim</c>).</summary>
    public int? WordEmbedProjDim { get; init; }

    /// <summary>OPT: whether projections have biases (<c>enable_bias</c>).</summary>
    public bool EnableBias { get; init; } = true;

    /// <summary>OPT: whether norms have weights (<c>layer_norm_elementwise_affine</c>).</summary>
    public bool LayerNormElementwiseAffine { get; init; } = true;

    /// <summary>BLOOM: blocks add to their normalized input (<c>apply_residual_connection_post_layernorm</c>).</summary>
    public bool ApplyResidualConnectionPostLayernorm { get; init; }

    /// <summary>The id that begins a text (<c>bos_token_id</c>).</summary>
    public int? BosTokenId { get; init; }

    /// <summary>The ids that end a text (<c>eos_token_id</c>; generation_config.json's list rules where there is one).</summary>
    public int[] EosTokenIds { get; init; } = [];

    /// <summary>The id that fills up batches (<c>pad_token_id</c>).</summary>
    public int? PadTokenId { get; init; }

    /// <summary>
    /// The longest sequence in tokens: <see cref="MaxPositionEmbeddings"/>, or what rotary scaling makes of it.
    /// </summary>
    public int MaxPositions => RopeScaling switch
    {
        { RopeType: "linear" or "dynamic", Factor: var factor } => (int)Math.Min(MaxPositionEmbeddings * factor, int.MaxValue),
        { RopeType: "yarn", Factor: var factor } scaling => (int)Math.Clamp(
            (scaling.OriginalMaxPositionEmbeddings ?? MaxPositionEmbeddings) * factor, MaxPositionEmbeddings, int.MaxValue),
        _ => MaxPositionEmbeddings,
    };

    /// <summary>Elements of a head that rotary positions turn.</summary>
    internal int RotaryDim => (int)(HeadDim * PartialRotaryFactor);

    /// <summary>Width of the embeddings and of what the output matrix reads.</summary>
    internal int EmbeddingWidth => WordEmbedProjDim ?? HiddenSize;

    /// <summary>The elements of the largest matrices, fewer than a checkpoint of this config has.</summary>
    internal double MinimumWeights => ((double)VocabSize * EmbeddingWidth)
        + (Architecture.LearnedPositions ? (double)MaxPositionEmbeddings * HiddenSize : 0)
        + ((double)NumHiddenLayers * HiddenSize * 2 * (IntermediateSize + ((double)NumAttentionHeads * HeadDim)));

    internal ModelFamily Family => ModelFamily.All[ModelType];

    internal Architecture Architecture => Family.Architecture(this);

    /// <summary>Reads a config.json, and the end-of-text ids from generation_config.json beside it if there is one.</summary>
    /// <param name="configJsonPath">Path of a config.json.</param>
    /// <exception cref="FileNotFoundException">If there is no such file.</exception>
    /// <exception cref="InvalidDataException">If the architecture is unknown or fields are missing or illegal; all faults are listed.</exception>
    public static TransformerConfig Load(string configJsonPath)
    {
        if (!File.Exists(configJsonPath))
        {
            throw new FileNotFoundException($"there is no {configJsonPath}", configJsonPath);
        }

        var faults = new List<string>();
        var fields = ConfigFields.Read(configJsonPath, faults);
        var modelType = fields.Text("model_type");
        if (modelType is null || !ModelFamily.All.TryGetValue(modelType, out var family))
        {
            throw new InvalidDataException(
                $"{configJsonPath}: model_type \"{modelType}\" is not supported; supported: {string.Join(", ", SupportedModelTypes)}");
        }

        fields.RequireAbsent("quantization_config");
        fields.RequireFlag("is_encoder_decoder", false);
        fields.RequireFlag("add_cross_attention", false);
        var config = family.Read(fields) with
        {
            ModelType = modelType,
            BosTokenId = fields.Integer("bos_token_id"),
            EosTokenIds = fields.Integers("eos_token_id") ?? [],
            PadTokenId = fields.Integer("pad_token_id"),
        };

        var generationPath = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(configJsonPath))!, "generation_config.json");
        if (File.Exists(generationPath) && ConfigFields.Read(generationPath, faults).Integers("eos_token_id") is { } eos)
        {
            config = config with { EosTokenIds = eos };
        }

        faults.AddRange(faults.Count == 0 ? config.Validate() : []);
        return faults.Count == 0
            ? config
            : throw new InvalidDataException($"{configJsonPath}: {string.Join("; ", faults)}");
    }

    /// <summary>The config as config.json text, with the field names of Hugging Face.</summary>
    public string ToJson() => ToJsonObject(Family.CausalArchitecture).ToJsonString(ConfigFields.Indented) + "\n";

    /// <summary>The fields of config.json for one of the architectures over this body.</summary>
    internal JsonObject ToJsonObject(string architecture)
    {
        var json = new JsonObject { ["architectures"] = new JsonArray(architecture), ["model_type"] = ModelType, ["vocab_size"] = VocabSize };
        Family.Write(this, json);
        json["tie_word_embeddings"] = TieWordEmbeddings;
        json["bos_token_id"] = BosTokenId;
        json["eos_token_id"] = EosJson();
        json["pad_token_id"] = PadTokenId;
        json["use_cache"] = true;
        return json;
    }

    /// <summary>One id as a number, several as a list, none as null: all three are usual.</summary>
    internal JsonNode? EosJson() => EosTokenIds switch
    {
        [] => null,
        [var only] => only,
        var several => new JsonArray([.. several.Select(id => (JsonNode)id)]),
    };

    /// <summary>The sliding window of a block, or null.</summary>
    internal int? WindowOf(int layer) => ModelType switch
    {
        "mistral" => SlidingWindow,
        "qwen2" or "qwen3" when UseSlidingWindow =>
            (LayerTypes is null ? layer >= MaxWindowLayers : LayerTypes[layer] == SlidingAttention) ? SlidingWindow : null,
        _ => null,
    };

    /// <summary>The factor of a block's scores.</summary>
    internal float AttentionScaleOf(int layer) =>
        (float)((ScaleAttnWeights ? 1 / Math.Sqrt(HeadDim) : 1) / (ScaleAttnByInverseLayerIdx ? layer + 1 : 1));
}
