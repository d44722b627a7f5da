using Rlhf.Modeling.Transformer;

namespace Rlhf.Modeling.Gguf;

/// <summary>
/// The metadata that llama.cpp builds a model from, by architecture. Keys and values are those of its convert_hf_to_gguf.py and of the
/// loaders in its src/models, which also say what an architecture cannot express.
/// </summary>
internal static class GgufArchitecture
{
    /// <summary>llama.cpp's names by model_type. OPT has none.</summary>
    private static readonly SortedDictionary<string, string> Names = new(StringComparer.Ordinal)
    {
        ["bloom"] = "bloom",
        ["gpt2"] = "gpt2",
        ["gpt_neox"] = "gptneox",
        ["llama"] = "llama",
        ["mistral"] = "llama",
        ["phi"] = "phi2",
        ["qwen2"] = "qwen2",
        ["qwen3"] = "qwen3",
    };

    /// <summary>Whether rotary positions turn neighbouring elements of a head, not elements half a head apart (LLAMA_ROPE_TYPE_NORM).</summary>
    public static bool TurnsNeighbours(TransformerConfig config) => NameOf(config) == "llama";

    public static void Describe(TransformerConfig config, GgufMetadata metadata)
    {
        if (NameOf(config) is not { } name)
        {
            metadata.Faults.Add($"model_type {config.ModelType} has no counterpart in llama.cpp; those that have: {string.Join(", ", Names.Keys)}");
            return;
        }

        CheckShape(config, metadata);
        var architecture = config.Architecture;
        metadata.AddCount($"{name}.vocab_size", config.VocabSize);
        metadata.AddCount($"{name}.context_length", config.MaxPositionEmbeddings);
        metadata.AddCount($"{name}.embedding_length", config.HiddenSize);
        metadata.AddCount($"{name}.block_count", config.NumHiddenLayers);
        metadata.AddCount($"{name}.feed_forward_length", config.IntermediateSize);
        metadata.AddCount($"{name}.attention.head_count", config.NumAttentionHeads);
        metadata.AddCount($"{name}.attention.head_count_kv", config.NumKeyValueHeads);
        metadata.AddCount($"{name}.attention.key_length", config.HeadDim);
        metadata.AddCount($"{name}.attention.value_length", config.HeadDim);
        var epsilon = architecture.NormKind == NormKind.Rms ? "layer_norm_rms_epsilon" : "layer_norm_epsilon";
        metadata.AddNumber($"{name}.attention.{epsilon}", architecture.NormEpsilon);
        if (name == "gptneox")
        {
            metadata.Add($"{name}.use_parallel_residual", config.UseParallelResidual);
        }

        if (architecture.Rotary)
        {
            metadata.AddCount($"{name}.rope.dimension_count", config.RotaryDim);
            metadata.AddNumber($"{name}.rope.freq_base", config.RopeTheta);
            DescribeScaling(name, config, metadata);
        }

        DescribeWindow(name, config, metadata);
    }

    /// <summary>The architecture's name, or null if llama.cpp has none.</summary>
    public static string? NameOf(TransformerConfig config) => Names.GetValueOrDefault(config.ModelType);

    private static void CheckShape(TransformerConfig config, GgufMetadata metadata)
    {
        var (architecture, faults) = (config.Architecture, metadata.Faults);
        var activation = Activations.ByName[config.HiddenAct];
        if (architecture.Gated ? activation != Activation.Silu : activation is not (Activation.GeluTanh or Activation.Gelu))
        {
            faults.Add($"hidden_act is \"{config.HiddenAct}\"; llama.cpp has {(architecture.Gated ? "silu" : "gelu_new")} for {config.ModelType}");
        }
        else if (activation == Activation.Gelu)
        {
            metadata.Notes.Add("hidden_act is the exact gelu; llama.cpp computes its tanh approximation for this architecture");
        }

        if (config.ModelType is "llama" or "mistral" or "qwen2" or "qwen3" && config.RotaryDim != config.HeadDim)
        {
            faults.Add($"partial_rotary_factor is {config.PartialRotaryFactor}; llama.cpp turns whole heads of {config.ModelType}");
        }

        if (config.ModelType == "qwen2" && config.HeadDim * config.NumAttentionHeads != config.HiddenSize)
        {
            faults.Add($"head_dim ({config.HeadDim}) times num_attention_heads ({config.NumAttentionHeads}) must be hidden_size ({config.HiddenSize}) in llama.cpp's qwen2");
        }

        if (config is { ModelType: "qwen3", AttentionBias: true })
        {
            faults.Add("attention_bias is true; llama.cpp's qwen3 has no bias in the output projection");
        }

        if (!config.ScaleAttnWeights || config.ScaleAttnByInverseLayerIdx)
        {
            faults.Add("scale_attn_weights must be true and scale_attn_by_inverse_layer_idx false in llama.cpp's gpt2");
        }

        if (config.ApplyResidualConnectionPostLayernorm)
        {
            faults.Add("apply_residual_connection_post_layernorm must be false in llama.cpp's bloom");
        }
    }

    private static void DescribeScaling(string name, TransformerConfig config, GgufMetadata metadata)
    {
        switch (config.RopeScaling)
        {
            case { RopeType: "linear" } linear:
                metadata.Add($"{name}.rope.scaling.type", "linear");
                metadata.AddNumber($"{name}.rope.scaling.factor", linear.Factor);
                break;
            case { RopeType: "yarn" } yarn:
                DescribeYarn(name, config, yarn, metadata);
                break;
            case { RopeType: "llama3" } when name != "llama":
                // The factors are a tensor that only llama.cpp's llama loads; see GgufModel.
                metadata.Faults.Add($"rope_scaling of type llama3 is in llama.cpp for llama and mistral, not for {config.ModelType}");
                break;
            case { RopeType: "dynamic" }:
                metadata.Notes.Add(
                    $"rope_scaling of type dynamic is not in llama.cpp: texts of more than {config.MaxPositionEmbeddings} tokens come out differently");
                break;
        }
    }

    private static void DescribeYarn(string name, TransformerConfig config, RopeScaling yarn, GgufMetadata metadata)
    {
        metadata.Add($"{name}.rope.scaling.type", "yarn");
        metadata.AddNumber($"{name}.rope.scaling.factor", yarn.Factor);
        metadata.AddCount($"{name}.rope.scaling.original_context_length", yarn.OriginalMaxPositionEmbeddings ?? config.MaxPositionEmbeddings);
        if (yarn.AttentionFactor is { } attention)
        {
            // llama.cpp multiplies by the usual 0.1 ln(factor) + 1 as well.
            metadata.AddNumber($"{name}.rope.scaling.attn_factor", attention / (yarn.Factor > 1 ? (0.1 * Math.Log(yarn.Factor)) + 1 : 1));
        }

        foreach (var (field, value, usual) in ((string, double?, double)[])[("beta_fast", yarn.BetaFast, 32), ("beta_slow", yarn.BetaSlow, 1)])
        {
            if (value is { } beta && beta != usual)
            {
                metadata.AddNumber($"{name}.rope.scaling.yarn_{field}", beta);
                metadata.Notes.Add(FormattableString.Invariant(
                    $"llama.cpp does not read rope_scaling.{field} for this architecture: run it with --yarn-{field.Replace('_', '-')} {beta}"));
            }
        }
    }

    private static void DescribeWindow(string name, TransformerConfig config, GgufMetadata metadata)
    {
        var window = Enumerable.Range(0, config.NumHiddenLayers).Min(layer => config.WindowOf(layer));
        if (window < config.MaxPositionEmbeddings)
        {
            metadata.AddCount($"{name}.attention.sliding_window", window.Value);
            metadata.Notes.Add($"llama.cpp has no sliding window for this architecture: texts of more than {window} tokens come out differently");
        }
    }
}
