using System.Text.Json;
using System.Text.Json.Nodes;

namespace Rlhf.Modeling.Transformer;

/// <summary>The shape of a decoder-only transformer, as in a Hugging Face config.json (names in brackets).</summary>
public sealed record TransformerConfig
{
    /// <summary>The values of model_type that this code implements.</summary>
    public static IReadOnlyList<string> SupportedModelTypes { get; } = ["llama"];

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

    /// <summary>Number of key/value heads; divides the number of query heads (<c>num_key_value_heads</c>).</summary>
    public int NumKeyValueHeads { get; init; }

    /// <summary>Width of one head; even, because rotary positions turn pairs (<c>head_dim</c>).</summary>
    public int HeadDim { get; init; }

    /// <summary>The longest sequence in tokens (<c>max_position_embeddings</c>).</summary>
    public int MaxPositionEmbeddings { get; init; } = 2048;

    /// <summary>Added to the mean square in RMSNorm (<c>rms_norm_eps</c>).</summary>
    public double RmsNormEps { get; init; } = 1e-6;

    /// <summary>Base of the rotary frequencies (<c>rope_theta</c>).</summary>
    public double RopeTheta { get; init; } = 10000;

    /// <summary>Standard deviation of the initial weights (<c>initializer_range</c>).</summary>
    public double InitializerRange { get; init; } = 0.02;

    /// <summary>Whether the output matrix is the embedding matrix (<c>tie_word_embeddings</c>).</summary>
    public bool TieWordEmbeddings { get; init; }

    /// <summary>Whether the four attention projections have biases (<c>attention_bias</c>).</summary>
    public bool AttentionBias { get; init; }

    /// <summary>Whether the three feed-forward projections have biases (<c>mlp_bias</c>).</summary>
    public bool MlpBias { get; init; }

    /// <summary>The id that begins a text (<c>bos_token_id</c>).</summary>
    public int? BosTokenId { get; init; }

    /// <summary>The ids that end a text (<c>eos_token_id</c>; generation_config.json's list rules where there is one).</summary>
    public int[] EosTokenIds { get; init; } = [];

    /// <summary>The id that fills up batches (<c>pad_token_id</c>).</summary>
    public int? PadTokenId { get; init; }

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
        if (modelType is null || !SupportedModelTypes.Contains(modelType))
        {
            throw new InvalidDataException(
                $"{configJsonPath}: model_type \"{modelType}\" is not supported; supported: {string.Join(", ", SupportedModelTypes)}");
        }

        fields.RequireIfPresent("hidden_act", "silu");
        fields.RequireIfPresent("rope_scaling", null);
        var rope = fields.Child("rope_parameters");
        rope?.RequireIfPresent("rope_type", "default");
        var hidden = fields.RequiredInteger("hidden_size");
        var heads = fields.RequiredInteger("num_attention_heads");
        var config = new TransformerConfig
        {
            ModelType = modelType,
            VocabSize = fields.RequiredInteger("vocab_size"),
            HiddenSize = hidden,
            IntermediateSize = fields.RequiredInteger("intermediate_size"),
            NumHiddenLayers = fields.RequiredInteger("num_hidden_layers"),
            NumAttentionHeads = heads,
            NumKeyValueHeads = fields.Integer("num_key_value_heads") ?? heads,
            HeadDim = fields.Integer("head_dim") ?? (heads > 0 ? hidden / heads : 0),
            MaxPositionEmbeddings = fields.Integer("max_position_embeddings") ?? 2048,
            RmsNormEps = fields.Number("rms_norm_eps") ?? 1e-6,
            RopeTheta = rope?.Number("rope_theta") ?? fields.Number("rope_theta") ?? 10000,
            InitializerRange = fields.Number("initializer_range") ?? 0.02,
            TieWordEmbeddings = fields.Flag("tie_word_embeddings") ?? false,
            AttentionBias = fields.Flag("attention_bias") ?? false,
            MlpBias = fields.Flag("mlp_bias") ?? false,
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
    public string ToJson() => ToJsonObject("LlamaForCausalLM").ToJsonString(ConfigFields.Indented) + "\n";

    /// <summary>Checks every field.</summary>
    /// <returns>All faults, each naming the field, its value and the legal values; empty if there are none.</returns>
    public IReadOnlyList<string> Validate()
    {
        var faults = new List<string>();
        if (!SupportedModelTypes.Contains(ModelType))
        {
            faults.Add($"model_type \"{ModelType}\" is not supported; supported: {string.Join(", ", SupportedModelTypes)}");
        }

        Positive("vocab_size", VocabSize);
        Positive("hidden_size", HiddenSize);
        Positive("intermediate_size", IntermediateSize);
        Positive("num_hidden_layers", NumHiddenLayers);
        Positive("num_attention_heads", NumAttentionHeads);
        Positive("num_key_value_heads", NumKeyValueHeads);
        Positive("head_dim", HeadDim);
        Positive("max_position_embeddings", MaxPositionEmbeddings);
        Positive("rms_norm_eps", RmsNormEps);
        Positive("rope_theta", RopeTheta);
        Positive("initializer_range", InitializerRange);
        if (NumKeyValueHeads > 0 && NumAttentionHeads % NumKeyValueHeads != 0)
        {
            faults.Add($"num_attention_heads ({NumAttentionHeads}) must be a multiple of num_key_value_heads ({NumKeyValueHeads})");
        }

        if (HeadDim % 2 != 0)
        {
            faults.Add($"head_dim ({HeadDim}) must be even: rotary positions turn pairs");
        }

        InVocabulary("bos_token_id", BosTokenId);
        InVocabulary("pad_token_id", PadTokenId);
        foreach (var id in EosTokenIds)
        {
            InVocabulary("eos_token_id", id);
        }

        return faults;

        void Positive(string field, double value)
        {
            if (!(value > 0 && double.IsFinite(value)))
            {
                faults.Add($"{field} ({value}) must be positive");
            }
        }

        void InVocabulary(string field, int? id)
        {
            if (id is { } value && (value < 0 || value >= VocabSize))
            {
                faults.Add($"{field} ({value}) must lie in 0 … {VocabSize - 1}");
            }
        }
    }

    /// <summary>The fields of config.json for one of the architectures over this body.</summary>
    internal JsonObject ToJsonObject(string architecture) => new()
    {
        ["architectures"] = new JsonArray(architecture),
        ["model_type"] = ModelType,
        ["vocab_size"] = VocabSize,
        ["hidden_size"] = HiddenSize,
        ["intermediate_size"] = IntermediateSize,
        ["num_hidden_layers"] = NumHiddenLayers,
        ["num_attention_heads"] = NumAttentionHeads,
        ["num_key_value_heads"] = NumKeyValueHeads,
        ["head_dim"] = HeadDim,
        ["hidden_act"] = "silu",
        ["max_position_embeddings"] = MaxPositionEmbeddings,
        ["rms_norm_eps"] = RmsNormEps,
        ["rope_theta"] = RopeTheta,
        ["rope_scaling"] = null,
        ["attention_bias"] = AttentionBias,
        ["attention_dropout"] = 0.0,
        ["mlp_bias"] = MlpBias,
        ["initializer_range"] = InitializerRange,
        ["tie_word_embeddings"] = TieWordEmbeddings,
        ["bos_token_id"] = BosTokenId,
        ["eos_token_id"] = EosJson(),
        ["pad_token_id"] = PadTokenId,
        ["use_cache"] = true,
    };

    /// <summary>One id as a number, several as a list, none as null: all three are usual.</summary>
    internal JsonNode? EosJson() => EosTokenIds switch
    {
        [] => null,
        [var only] => only,
        var several => new JsonArray([.. several.Select(id => (JsonNode)id)]),
    };
}
