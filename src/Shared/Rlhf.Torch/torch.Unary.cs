namespace TorchSharp;

public static partial class torch
{
    /// <summary>The absolute value of every element.</summary>
    public static Tensor abs(Tensor input) => input.abs();

    /// <summary>The absolute value of every element, in place.</summary>
    public static Tensor abs_(Tensor input) => input.abs_();

    /// <summary>e to the power of every element.</summary>
    public static Tensor exp(Tensor input) => input.exp();

    /// <summary>e to the power of every element, in place.</summary>
    public static Tensor exp_(Tensor input) => input.exp_();

    /// <summary>e to the power of every element, minus one, exact near zero.</summary>
    public static Tensor expm1(Tensor input) => input.expm1();

    /// <summary>e to the power of every element, minus one, exact near zero, in place.</summary>
    public static Tensor expm1_(Tensor input) => input.expm1_();

    /// <summary>The natural logarithm of every element.</summary>
    public static Tensor log(Tensor input) => input.log();

    /// <summary>The natural logarithm of every element, in place.</summary>
    public static Tensor log_(Tensor input) => input.log_();

    /// <summary>The binary logarithm of every element.</summary>
    public static Tensor log2(Tensor input) => input.log2();

    /// <summary>The binary logarithm of every element, in place.</summary>
    public static Tensor log2_(Tensor input) => input.log2_();

    /// <summary>The decimal logarithm of every element.</summary>
    public static Tensor log10(Tensor input) => input.log10();

    /// <summary>The decimal logarithm of every element, in place.</summary>
    public static Tensor log10_(Tensor input) => input.log10_();

    /// <summary>The natural logarithm of one plus every element, exact near zero.</summary>
    public static Tensor log1p(Tensor input) => input.log1p();

    /// <summary>The natural logarithm of one plus every element, exact near zero, in place.</summary>
    public static Tensor log1p_(Tensor input) => input.log1p_();

    /// <summary>The square root of every element.</summary>
    public static Tensor sqrt(Tensor input) => input.sqrt();

    /// <summary>The square root of every element, in place.</summary>
    public static Tensor sqrt_(Tensor input) => input.sqrt_();

    /// <summary>One over the square root of every element.</summary>
    public static Tensor rsqrt(Tensor input) => input.rsqrt();

    /// <summary>One over the square root of every element, in place.</summary>
    public static Tensor rsqrt_(Tensor input) => input.rsqrt_();

    /// <summary>The square of every element.</summary>
    public static Tensor square(Tensor input) => input.square();

    /// <summary>The sine of every element.</summary>
    public static Tensor sin(Tensor input) => input.sin();

    /// <summary>The sine of every element, in place.</summary>
    public static Tensor sin_(Tensor input) => input.sin_();

    /// <summary>The cosine of every element.</summary>
    public static Tensor cos(Tensor input) => input.cos();

    /// <summary>The cosine of every element, in place.</summary>
    public static Tensor cos_(Tensor input) => input.cos_();

    /// <summary>The tangent of every element.</summary>
    public static Tensor tan(Tensor input) => input.tan();

    /// <summary>The tangent of every element, in place.</summary>
    public static Tensor tan_(Tensor input) => input.tan_();

    /// <summary>The hyperbolic tangent of every element.</summary>
    public static Tensor tanh(Tensor input) => input.tanh();

    /// <summary>The hyperbolic tangent of every element, in place.</summary>
    public static Tensor tanh_(Tensor input) => input.tanh_();

    /// <summary>1 / (1 + e^-x) of every element.</summary>
    public static Tensor sigmoid(Tensor input) => input.sigmoid();

    /// <summary>1 / (1 + e^-x) of every element, in place.</summary>
    public static Tensor sigmoid_(Tensor input) => input.sigmoid_();

    /// <summary>Every element with the other sign.</summary>
    public static Tensor neg(Tensor input) => input.neg();

    /// <summary>Every element with the other sign, in place.</summary>
    public static Tensor neg_(Tensor input) => input.neg_();

    /// <summary>Every element with the other sign.</summary>
    public static Tensor negative(Tensor input) => input.negative();

    /// <summary>Every element with the other sign, in place.</summary>
    public static Tensor negative_(Tensor input) => input.neg_();

    /// <summary>One over every element.</summary>
    public static Tensor reciprocal(Tensor input) => input.reciprocal();

    /// <summary>One over every element, in place.</summary>
    public static Tensor reciprocal_(Tensor input) => input.reciprocal_();

    /// <summary>Every element rounded down.</summary>
    public static Tensor floor(Tensor input) => input.floor();

    /// <summary>Every element rounded down, in place.</summary>
    public static Tensor floor_(Tensor input) => input.floor_();

    /// <summary>Every element rounded up.</summary>
    public static Tensor ceil(Tensor input) => input.ceil();

    /// <summary>Every element rounded up, in place.</summary>
    public static Tensor ceil_(Tensor input) => input.ceil_();

    /// <summary>Every element rounded, halves to even.</summary>
    public static Tensor round(Tensor input, long decimals = 0L) => input.round(decimals);

    /// <summary>Every element rounded, halves to even, in place.</summary>
    public static Tensor round_(Tensor input, long decimals = 0L) => input.round_(decimals);

    /// <summary>Every element without its fraction.</summary>
    public static Tensor trunc(Tensor input) => input.trunc();

    /// <summary>Every element without its fraction, in place.</summary>
    public static Tensor trunc_(Tensor input) => input.trunc_();

    /// <summary>-1, 0 or 1 by the sign of every element.</summary>
    public static Tensor sign(Tensor input) => input.sign();

    /// <summary>-1, 0 or 1 by the sign of every element, in place.</summary>
    public static Tensor sign_(Tensor input) => input.sign_();

    /// <summary>The error function of every element.</summary>
    public static Tensor erf(Tensor input) => input.erf();

    /// <summary>The error function of every element, in place.</summary>
    public static Tensor erf_(Tensor input) => input.erf_();
}
