using Rlhf.Modeling.Transformer.Families;

namespace Rlhf.Modeling.Transformer;

/// <summary>The checks of a config.</summary>
public sealed partial record TransformerConfig
{
    internal const string SlidingAttention = "sliding_attention";
    private const string FullAttention = "full_attention";

    /// <summary>Checks every field.</summary>
    /// <returns>All faults, each naming the field, its value and the legal values; empty if there are none.</returns>
    public IReadOnlyList<string> Validate()
    {
        var faults = new List<string>();
        if (!ModelFamily.All.ContainsKey(ModelType))
        {
            faults.Add($"model_type \"{ModelType}\" is not supported; supported: {string.Join(", ", SupportedModelTypes)}");
        }

        foreach (var (field, value) in ((string, double)[])[
            ("vocab_size", VocabSize), ("hidden_size", HiddenSize), ("intermediate_size", IntermediateSize),
            ("num_hidden_layers", NumHiddenLayers), ("num_attention_heads", NumAttentionHeads), ("num_key_value_heads", NumKeyValueHeads),
            ("head_dim", HeadDim), ("max_position_embeddings", MaxPositionEmbeddings), ("rms_norm_eps", RmsNormEps),
            ("layer_norm_eps", LayerNormEps), ("rope_theta", RopeTheta), ("initializer_range", InitializerRange),
            ("sliding_window", SlidingWindow ?? 1), ("word_embed_proj_dim", EmbeddingWidth)])
        {
            if (!(value > 0 && double.IsFinite(value)) && (field != "word_embed_proj_dim" || WordEmbedProjDim is not null))
            {
                faults.Add($"{field} ({value}) must be positive");
            }
        }

        if (!Activations.ByName.ContainsKey(HiddenAct))
        {
            faults.Add($"hidden_act is \"{HiddenAct}\", which is not supported; supported: {string.Join(", ", Activations.ByName.Keys)}");
        }

        ValidateHeads(faults);
        ValidateWindows(faults);
        faults.AddRange(RopeScaling?.Validate() ?? []);
        ValidateIds(faults);
        return faults;
    }

    private void ValidateHeads(List<string> faults)
    {
        if (NumKeyValueHeads > 0 && NumAttentionHeads % NumKeyValueHeads != 0)
        {
            faults.Add($"num_attention_heads ({NumAttentionHeads}) must be a multiple of num_key_value_heads ({NumKeyValueHeads})");
        }

        var family = ModelFamily.All.GetValueOrDefault(ModelType, ModelFamily.All["llama"]);
        if (!family.GroupedQueries && NumKeyValueHeads != NumAttentionHeads)
        {
            faults.Add($"num_key_value_heads ({NumKeyValueHeads}) must equal num_attention_heads ({NumAttentionHeads}) with model_type {ModelType}");
        }

        if (!family.FreeHeadDim && HeadDim * NumAttentionHeads != HiddenSize)
        {
            faults.Add($"hidden_size ({HiddenSize}) must be num_attention_heads ({NumAttentionHeads}) times head_dim ({HeadDim}) with model_type {ModelType}");
        }

        if (family.Rotary && (RotaryDim % 2 != 0 || RotaryDim < 2 || RotaryDim > HeadDim))
        {
            faults.Add(
                $"head_dim ({HeadDim}) times partial_rotary_factor ({PartialRotaryFactor}) is {RotaryDim}; it must be even, at least 2 and at most "
                + "head_dim: rotary positions turn pairs");
        }

        if (RopeScaling?.RopeType == "dynamic" && RotaryDim < 4)
        {
            faults.Add($"rope_scaling of type dynamic needs at least 4 turned elements of a head, found {RotaryDim}");
        }

        if (!family.Rotary && RopeScaling is not null)
        {
            faults.Add($"rope_scaling has no meaning with model_type {ModelType}");
        }

        if (TieWordEmbeddings && !family.CanTie)
        {
            faults.Add($"tie_word_embeddings is true, which is not supported with model_type {ModelType}: its output matrix has a bias of its own");
        }
    }

    private void ValidateWindows(List<string> faults)
    {
        if (LayerTypes is not null
            && (LayerTypes.Length != NumHiddenLayers || LayerTypes.Any(type => type is not (FullAttention or SlidingAttention))))
        {
            faults.Add(
                $"layer_types [{string.Join(", ", LayerTypes)}] must be a list of {NumHiddenLayers} times {FullAttention} or {SlidingAttention}");
        }

        if (UseSlidingWindow && SlidingWindow is null)
        {
            faults.Add("use_sliding_window is true, but sliding_window is missing");
        }

        if (MaxWindowLayers < 0)
        {
            faults.Add($"max_window_layers ({MaxWindowLayers}) must not be negative");
        }
    }

    private void ValidateIds(List<string> faults)
    {
        foreach (var (field, id) in ((string, int?)[])[
            ("bos_token_id", BosTokenId), ("pad_token_id", PadTokenId), .. EosTokenIds.Select(id => ("eos_token_id", (int?)id))])
        {
            if (id is { } value && (value < 0 || value >= VocabSize))
            {
                faults.Add($"{field} ({value}) must lie in 0 … {VocabSize - 1}");
            }
        }
    }
}
