using System.Text.Json.Nodes;

namespace Rlhf.Modeling.Transformer;

/// <summary>
/// How rotary frequencies are changed for texts longer than those of the first training (<c>rope_scaling</c>, or
/// <c>rope_parameters</c> in files of transformers 5).
/// </summary>
/// <param name="RopeType">
/// <c>linear</c> (Chen et al. 2023), <c>dynamic</c> (NTK-aware, by the length of the text at hand), <c>llama3</c> (Llama 3.1) or
/// <c>yarn</c> (Peng et al. 2023).
/// </param>
/// <param name="Factor">How many times longer texts can be.</param>
public sealed record RopeScaling(string RopeType, double Factor)
{
    /// <summary>The values of rope_type that this code implements besides <c>default</c>.</summary>
    public static IReadOnlyList<string> SupportedTypes { get; } = ["linear", "dynamic", "llama3", "yarn"];

    /// <summary>The longest text of the first training (<c>original_max_position_embeddings</c>; llama3 needs it, yarn can have it).</summary>
    public int? OriginalMaxPositionEmbeddings { get; init; }

    /// <summary>llama3: wavelengths longer than the original length over this are divided by the factor (<c>low_freq_factor</c>).</summary>
    public double? LowFreqFactor { get; init; }

    /// <summary>llama3: wavelengths shorter than the original length over this stay (<c>high_freq_factor</c>).</summary>
    public double? HighFreqFactor { get; init; }

    /// <summary>yarn: the factor of the tables; null: 0.1 · ln(factor) + 1 (<c>attention_factor</c>).</summary>
    public double? AttentionFactor { get; init; }

    /// <summary>yarn: dimensions that turn more often than this in the original length stay; null: 32 (<c>beta_fast</c>).</summary>
    public double? BetaFast { get; init; }

    /// <summary>yarn: dimensions that turn less often than this are divided by the factor; null: 1 (<c>beta_slow</c>).</summary>
    public double? BetaSlow { get; init; }

    internal static RopeScaling? Read(ConfigFields rope)
    {
        var type = rope.Text("rope_type") ?? rope.Text("type") ?? "default";
        if (type == "default")
        {
            return null;
        }

        if (!SupportedTypes.Contains(type))
        {
            rope.Fault($"{(rope.Has("rope_type") ? "rope_type" : "type")}", $"\"{type}\"", ["default", .. SupportedTypes]);
            return null;
        }

        foreach (var unsupported in (string[])["mscale", "mscale_all_dim", "long_factor", "short_factor"])
        {
            rope.RequireAbsent(unsupported);
        }

        rope.RequireFlag("truncate", true);
        return new RopeScaling(type, rope.RequiredNumber("factor"))
        {
            OriginalMaxPositionEmbeddings = rope.Integer("original_max_position_embeddings"),
            LowFreqFactor = rope.Number("low_freq_factor"),
            HighFreqFactor = rope.Number("high_freq_factor"),
            AttentionFactor = rope.Number("attention_factor"),
            BetaFast = rope.Number("beta_fast"),
            BetaSlow = rope.Number("beta_slow"),
        };
    }

    internal JsonObject ToJsonObject()
    {
        // The old name of the type is the only one that old readers of linear and dynamic know, and no reader refuses it.
        var json = new JsonObject { [RopeType is "linear" or "dynamic" ? "type" : "rope_type"] = RopeType, ["factor"] = Factor };
        Add("original_max_position_embeddings", OriginalMaxPositionEmbeddings);
        Add("low_freq_factor", LowFreqFactor);
        Add("high_freq_factor", HighFreqFactor);
        Add("attention_factor", AttentionFactor);
        Add("beta_fast", BetaFast);
        Add("beta_slow", BetaSlow);
        return json;

        void Add(string name, JsonNode? value)
        {
            if (value is not null)
            {
                json[name] = value;
            }
        }
    }

    internal IEnumerable<string> Validate()
    {
        if (!SupportedTypes.Contains(RopeType))
        {
            yield return $"rope_scaling.rope_type \"{RopeType}\" is not supported; supported: {string.Join(", ", SupportedTypes)}";
        }

        foreach (var (field, value) in ((string, double?)[])[
            ("factor", Factor), ("original_max_position_embeddings", OriginalMaxPositionEmbeddings), ("low_freq_factor", LowFreqFactor),
            ("high_freq_factor", HighFreqFactor), ("attention_factor", AttentionFactor), ("beta_fast", BetaFast), ("beta_slow", BetaSlow)])
        {
            if (value is { } number && !(number > 0 && double.IsFinite(number)))
            {
                yield return $"rope_scaling.{field} ({number}) must be positive";
            }
        }

        if (RopeType == "llama3")
        {
            if (OriginalMaxPositionEmbeddings is null || LowFreqFactor is null || HighFreqFactor is null)
            {
                yield return "rope_scaling of type llama3 needs original_max_position_embeddings, low_freq_factor and high_freq_factor";
            }
            else if (HighFreqFactor <= LowFreqFactor)
            {
                yield return $"rope_scaling.high_freq_factor ({HighFreqFactor}) must be above low_freq_factor ({LowFreqFactor})";
            }
        }
    }
}
