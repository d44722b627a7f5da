using System.Text.Json.Nodes;

namespace Rlhf.Modeling.Transformer.Families;

/// <summary>One model_type of Hugging Face: its fields in config.json, and how its decoder is put together.</summary>
internal abstract class ModelFamily
{
    /// <summary>By model_type.</summary>
    public static IReadOnlyDictionary<string, ModelFamily> All { get; } = new SortedDictionary<string, ModelFamily>(StringComparer.Ordinal)
    {
        ["bloom"] = new BloomFamily(),
        ["gpt2"] = new Gpt2Family(),
        ["gpt_neox"] = new GptNeoXFamily(),
        ["llama"] = new LlamaFamily(),
        ["mistral"] = new MistralFamily(),
        ["opt"] = new OptFamily(),
        ["phi"] = new PhiFamily(),
        ["qwen2"] = new Qwen2Family(),
        ["qwen3"] = new Qwen3Family(),
    };

    /// <summary>The language model's name in <c>architectures</c>.</summary>
    public abstract string CausalArchitecture { get; }

    /// <summary>The name of the model with a scalar head.</summary>
    public string ClassificationArchitecture => CausalArchitecture
        .Replace("LMHeadModel", "ForSequenceClassification", StringComparison.Ordinal)
        .Replace("ForCausalLM", "ForSequenceClassification", StringComparison.Ordinal);

    /// <summary>Whether there can be fewer key/value heads than query heads.</summary>
    public virtual bool GroupedQueries => false;

    /// <summary>Whether heads need not make up hidden_size.</summary>
    public virtual bool FreeHeadDim => false;

    /// <summary>Whether positions are rotary.</summary>
    public virtual bool Rotary => true;

    /// <summary>Whether the output matrix can be the embedding matrix.</summary>
    public virtual bool CanTie => true;

    /// <summary>Reads what all families do not have in common.</summary>
    public abstract TransformerConfig Read(ConfigFields fields);

    /// <summary>Writes the same.</summary>
    public abstract void Write(TransformerConfig config, JsonObject json);

    public abstract Architecture Architecture(TransformerConfig config);

    /// <summary>What all families have, under the names that the family gives them.</summary>
    protected static TransformerConfig ReadShape(
        ConfigFields fields, string[] hidden, string[] layers, string[] heads, string activation, string defaultActivation)
    {
        var (hiddenSize, headCount) = (fields.RequiredInteger(hidden), fields.RequiredInteger(heads));
        return new TransformerConfig
        {
            VocabSize = fields.RequiredInteger("vocab_size"),
            HiddenSize = hiddenSize,
            NumHiddenLayers = fields.RequiredInteger(layers),
            NumAttentionHeads = headCount,
            NumKeyValueHeads = headCount,
            HeadDim = headCount > 0 ? hiddenSize / headCount : 0,
            HiddenAct = fields.OneOf(activation, defaultActivation, Activations.ByName.Keys),
            InitializerRange = fields.Number("initializer_range") ?? 0.02,
        };
    }

    /// <summary>Adds rotary base, part and scaling, from old files' fields or new files' rope_parameters.</summary>
    protected static TransformerConfig ReadRotary(
        ConfigFields fields, TransformerConfig config, string theta, string part, double defaultPart)
    {
        var parameters = fields.Child("rope_parameters");
        return config with
        {
            RopeTheta = parameters?.Number("rope_theta") ?? fields.Number(theta) ?? fields.Number("rope_theta") ?? 10000,
            PartialRotaryFactor = parameters?.Number("partial_rotary_factor") ?? fields.Number(part)
                ?? fields.Number("partial_rotary_factor") ?? defaultPart,
            RopeScaling = (parameters ?? fields.Child("rope_scaling")) is { } rope ? RopeScaling.Read(rope) : null,
        };
    }
}
