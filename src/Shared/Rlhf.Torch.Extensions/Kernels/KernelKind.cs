namespace Rlhf.Torch.Extensions.Kernels;

/// <summary>rk_kind: what an operator of a decode program does.</summary>
public enum KernelKind
{
    /// <summary>Rows of the embedding matrix, plus rows of a position matrix.</summary>
    Embed = 0,

    /// <summary>LayerNorm or RMSNorm.</summary>
    Norm = 1,

    /// <summary>x · Wᵀ + b, then an activation.</summary>
    Linear = 2,

    /// <summary>Per-head norms, rotary positions, and keys and values into the cache.</summary>
    Rotate = 3,

    /// <summary>Attention over the cache.</summary>
    Attention = 4,

    /// <summary>An activation in place, times a second input.</summary>
    Activate = 5,

    /// <summary>A copy of x in another type.</summary>
    Convert = 6,
}

/// <summary>rk_flags.</summary>
[Flags]
public enum KernelFlags
{
    /// <summary>None of the others.</summary>
    None = 0,

    /// <summary>Linear adds to what is there.</summary>
    Accumulate = 1,

    /// <summary>The next operator does not read what this one writes.</summary>
    NoBarrier = 2,

    /// <summary>Norm subtracts the mean.</summary>
    LayerNorm = 4,
}

/// <summary>rk_type: how the elements of a matrix are stored.</summary>
public enum KernelType
{
    /// <summary>Single precision.</summary>
    Float32 = 0,

    /// <summary>bfloat16.</summary>
    BFloat16 = 1,

    /// <summary>8-bit integers in blocks of 32 with a half-precision scale each, as in GGUF's Q8_0.</summary>
    Q8 = 2,
}

/// <summary>rk_activation.</summary>
public enum KernelActivation
{
    /// <summary>The identity.</summary>
    None = 0,

    /// <summary>x · sigmoid(x).</summary>
    Silu = 1,

    /// <summary>x · Φ(x), exact.</summary>
    Gelu = 2,

    /// <summary>GELU in its tanh form.</summary>
    GeluTanh = 3,

    /// <summary>max(x, 0).</summary>
    Relu = 4,
}
