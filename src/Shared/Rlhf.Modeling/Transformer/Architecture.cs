using static TorchSharp.torch;

namespace Rlhf.Modeling.Transformer;

/// <summary>How the decoder of one config is put together, and what its parts are called in checkpoints.</summary>
internal sealed record Architecture
{
    public required ModuleNames Names { get; init; }

    public NormKind NormKind { get; init; } = NormKind.Layer;

    public required double NormEpsilon { get; init; }

    /// <summary>Whether norms have weights.</summary>
    public bool NormAffine { get; init; } = true;

    public bool FinalNorm { get; init; } = true;

    /// <summary>A norm right behind the token embeddings.</summary>
    public bool EmbeddingNorm { get; init; }

    public bool Rotary { get; init; }

    public bool Alibi { get; init; }

    public bool LearnedPositions { get; init; }

    /// <summary>The row of the position embeddings for position 0.</summary>
    public int PositionOffset { get; init; }

    /// <summary>Null: q, k and v are three matrices.</summary>
    public FusedLayout? FusedLayout { get; init; }

    public bool QueryKeyValueBias { get; init; }

    public bool OutputBias { get; init; }

    public bool FeedForwardBias { get; init; }

    /// <summary>Whether the separate output matrix of a language model has a bias.</summary>
    public bool HeadBias { get; init; }

    /// <summary>Norms over each head of queries and keys.</summary>
    public bool QueryKeyNorm { get; init; }

    public bool Gated { get; init; }

    public bool ParallelResidual { get; init; }

    /// <summary>Feed-forward block and attention share one norm.</summary>
    public bool SharedNorm { get; init; }

    public bool NormAfter { get; init; }

    public bool ResidualFromNorm { get; init; }

    /// <summary>Whether checkpoints hold the projections of the blocks as [inputs, outputs].</summary>
    public bool StoredTransposed { get; init; }

    /// <summary>The standard deviation of the two matrices that write to the residual stream; null: as all.</summary>
    public double? ResidualInitializerRange { get; init; }

    /// <summary>The type of the weights.</summary>
    public ScalarType Dtype { get; init; } = ScalarType.Float32;

    public Norm NewNorm(int width) => new(NormKind, width, NormEpsilon, NormAffine, Dtype);

    public Projection NewProjection(long inputs, long outputs, bool hasBias) => new(inputs, outputs, hasBias, Dtype, StoredTransposed);
}

/// <summary>The names of a decoder's parts in checkpoints; defaults are those of Llama.</summary>
internal sealed record ModuleNames
{
    /// <summary>The path of the stack; its first part is what files of the bare stack leave out.</summary>
    public string[] Body { get; init; } = ["model"];

    public string TokenEmbedding { get; init; } = "embed_tokens";

    public string PositionEmbedding { get; init; } = "";

    public string EmbeddingNorm { get; init; } = "";

    public string Layers { get; init; } = "layers";

    public string FinalNorm { get; init; } = "norm";

    public string Head { get; init; } = "lm_head";

    public string Attention { get; init; } = "self_attn";

    public string Query { get; init; } = "q_proj";

    public string Key { get; init; } = "k_proj";

    public string Value { get; init; } = "v_proj";

    public string Fused { get; init; } = "";

    public string Output { get; init; } = "o_proj";

    /// <summary>Null: the matrices stand directly in the block.</summary>
    public string? FeedForward { get; init; } = "mlp";

    public string Gate { get; init; } = "gate_proj";

    public string Up { get; init; } = "up_proj";

    public string Down { get; init; } = "down_proj";

    public string InputNorm { get; init; } = "input_layernorm";

    public string PostAttentionNorm { get; init; } = "post_attention_layernorm";

    /// <summary>Ends of the names of tensors that old files hold although they follow from the config.</summary>
    public string[] Buffers { get; init; } = [".rotary_emb.inv_freq"];
}
