using TorchSharp.Native;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        /// <summary>The absolute value of every element.</summary>
        public Tensor abs() => Aten.Call("abs", this);

        /// <summary>The absolute value of every element, in place.</summary>
        public Tensor abs_() => Aten.CallInPlace(this, "abs_", this);

        /// <summary>e to the power of every element.</summary>
        public Tensor exp() => Aten.Call("exp", this);

        /// <summary>e to the power of every element, in place.</summary>
        public Tensor exp_() => Aten.CallInPlace(this, "exp_", this);

        /// <summary>e to the power of every element, minus one, exact near zero.</summary>
        public Tensor expm1() => Aten.Call("expm1", this);

        /// <summary>e to the power of every element, minus one, exact near zero, in place.</summary>
        public Tensor expm1_() => Aten.CallInPlace(this, "expm1_", this);

        /// <summary>The natural logarithm of every element.</summary>
        public Tensor log() => Aten.Call("log", this);

        /// <summary>The natural logarithm of every element, in place.</summary>
        public Tensor log_() => Aten.CallInPlace(this, "log_", this);

        /// <summary>The binary logarithm of every element.</summary>
        public Tensor log2() => Aten.Call("log2", this);

        /// <summary>The binary logarithm of every element, in place.</summary>
        public Tensor log2_() => Aten.CallInPlace(this, "log2_", this);

        /// <summary>The decimal logarithm of every element.</summary>
        public Tensor log10() => Aten.Call("log10", this);

        /// <summary>The decimal logarithm of every element, in place.</summary>
        public Tensor log10_() => Aten.CallInPlace(this, "log10_", this);

        /// <summary>The natural logarithm of one plus every element, exact near zero.</summary>
        public Tensor log1p() => Aten.Call("log1p", this);

        /// <summary>The natural logarithm of one plus every element, exact near zero, in place.</summary>
        public Tensor log1p_() => Aten.CallInPlace(this, "log1p_", this);

        /// <summary>The square root of every element.</summary>
        public Tensor sqrt() => Aten.Call("sqrt", this);

        /// <summary>The square root of every element, in place.</summary>
        public Tensor sqrt_() => Aten.CallInPlace(this, "sqrt_", this);

        /// <summary>One over the square root of every element.</summary>
        public Tensor rsqrt() => Aten.Call("rsqrt", this);

        /// <summary>One over the square root of every element, in place.</summary>
        public Tensor rsqrt_() => Aten.CallInPlace(this, "rsqrt_", this);

        /// <summary>The square of every element.</summary>
        public Tensor square() => Aten.Call("square", this);

        /// <summary>The sine of every element.</summary>
        public Tensor sin() => Aten.Call("sin", this);

        /// <summary>The sine of every element, in place.</summary>
        public Tensor sin_() => Aten.CallInPlace(this, "sin_", this);

        /// <summary>The cosine of every element.</summary>
        public Tensor cos() => Aten.Call("cos", this);

        /// <summary>The cosine of every element, in place.</summary>
        public Tensor cos_() => Aten.CallInPlace(this, "cos_", this);

        /// <summary>The tangent of every element.</summary>
        public Tensor tan() => Aten.Call("tan", this);

        /// <summary>The tangent of every element, in place.</summary>
        public Tensor tan_() => Aten.CallInPlace(this, "tan_", this);

        /// <summary>The hyperbolic tangent of every element.</summary>
        public Tensor tanh() => Aten.Call("tanh", this);

        /// <summary>The hyperbolic tangent of every element, in place.</summary>
        public Tensor tanh_() => Aten.CallInPlace(this, "tanh_", this);

        /// <summary>1 / (1 + e^-x) of every element.</summary>
        public Tensor sigmoid() => Aten.Call("sigmoid", this);

        /// <summary>1 / (1 + e^-x) of every element, in place.</summary>
        public Tensor sigmoid_() => Aten.CallInPlace(this, "sigmoid_", this);

        /// <summary>Every element with the other sign.</summary>
        public Tensor neg() => Aten.Call("neg", this);

        /// <summary>Every element with the other sign, in place.</summary>
        public Tensor neg_() => Aten.CallInPlace(this, "neg_", this);

        /// <summary>Every element with the other sign.</summary>
        public Tensor negative() => Aten.Call("negative", this);

        /// <summary>One over every element.</summary>
        public Tensor reciprocal() => Aten.Call("reciprocal", this);

        /// <summary>One over every element, in place.</summary>
        public Tensor reciprocal_() => Aten.CallInPlace(this, "reciprocal_", this);

        /// <summary>Every element rounded down.</summary>
        public Tensor floor() => Aten.Call("floor", this);

        /// <summary>Every element rounded down, in place.</summary>
        public Tensor floor_() => Aten.CallInPlace(this, "floor_", this);

        /// <summary>Every element rounded up.</summary>
        public Tensor ceil() => Aten.Call("ceil", this);

        /// <summary>Every element rounded up, in place.</summary>
        public Tensor ceil_() => Aten.CallInPlace(this, "ceil_", this);

        /// <summary>Every element rounded, halves to even.</summary>
        public Tensor round(long decimals = 0L) => Aten.Call("round.decimals", this, decimals);

        /// <summary>Every element rounded, halves to even, in place.</summary>
        public Tensor round_(long decimals = 0L) => Aten.CallInPlace(this, "round_.decimals", this, decimals);

        /// <summary>Every element without its fraction.</summary>
        public Tensor trunc() => Aten.Call("trunc", this);

        /// <summary>Every element without its fraction, in place.</summary>
        public Tensor trunc_() => Aten.CallInPlace(this, "trunc_", this);

        /// <summary>-1, 0 or 1 by the sign of every element.</summary>
        public Tensor sign() => Aten.Call("sign", this);

        /// <summary>-1, 0 or 1 by the sign of every element, in place.</summary>
        public Tensor sign_() => Aten.CallInPlace(this, "sign_", this);

        /// <summary>The error function of every element.</summary>
        public Tensor erf() => Aten.Call("erf", this);

        /// <summary>The error function of every element, in place.</summary>
        public Tensor erf_() => Aten.CallInPlace(this, "erf_", this);

        /// <summary>max(x, 0) of every element.</summary>
        public Tensor relu() => Aten.Call("relu", this);

        /// <summary>max(x, 0) of every element, in place.</summary>
        public Tensor relu_() => Aten.CallInPlace(this, "relu_", this);

        /// <summary>x * sigmoid(x) of every element.</summary>
        public Tensor silu() => Aten.Call("silu", this);

        /// <summary>x * sigmoid(x) of every element, in place.</summary>
        public Tensor silu_() => Aten.CallInPlace(this, "silu_", this);
    }
}
