namespace Rlhf.Modeling.Gguf;

/// <summary>The types in which matrices are exported; names and numbers are those of <c>ggml_type</c> (ggml.h).</summary>
public enum GgufType
{
    /// <summary>Single precision.</summary>
    F32 = 0,

    /// <summary>IEEE half precision, rounded to nearest.</summary>
    F16 = 1,

    /// <summary>Blocks of 32 numbers: a half-precision scale d = max|x| / 127, then the signed bytes round(x / d).</summary>
    Q8_0 = 8,

    /// <summary>The upper half of single precision, rounded to nearest.</summary>
    BF16 = 30,
}
