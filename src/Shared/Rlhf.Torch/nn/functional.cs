using TorchSharp.Native;

namespace TorchSharp;

public static partial class torch
{
    public static partial class nn
    {
        /// <summary>Layers as plain functions.</summary>
        public static partial class functional
        {
            private const string Attention = "scaled_dot_product_attention";

            /// <summary>x W^T + b: [..., in] with weights [out, in] gives [..., out].</summary>
            public static Tensor linear(Tensor input, Tensor weights, Tensor? bias = null) => Aten.Call("linear", input, weights, bias);

            /// <summary>Normalized over the last dimensions, scaled and shifted.</summary>
            public static Tensor layer_norm(Tensor input, long[] normalized_shape, Tensor? weight = null, Tensor? bias = null, double eps = 1e-05) =>
                Aten.Call("layer_norm", input, normalized_shape, weight, bias, eps);

            /// <summary>The Gaussian error linear unit, exact form.</summary>
            public static Tensor gelu(Tensor x) => x.gelu();

            /// <summary>The Gaussian error linear unit, exact form.</summary>
            public static Tensor gelu(Tensor x, bool inplace) => inplace ? Aten.CallInPlace(x, "gelu_", x) : x.gelu();

            /// <summary>x * sigmoid(x).</summary>
            public static Tensor silu(Tensor x, bool inplace = false) => inplace ? x.silu_() : x.silu();

            /// <summary>max(x, 0).</summary>
            public static Tensor relu(Tensor x, bool inplace = false) => inplace ? x.relu_() : x.relu();

            /// <summary>The hyperbolic tangent.</summary>
            public static Tensor tanh(Tensor x, bool inplace = false) => inplace ? x.tanh_() : x.tanh();

            /// <summary>1 / (1 + e^-x).</summary>
            public static Tensor sigmoid(Tensor x) => x.sigmoid();

            /// <summary>1 / (1 + e^-x).</summary>
            public static Tensor sigmoid(Tensor x, bool inplace) => inplace ? x.sigmoid_() : x.sigmoid();

            /// <summary>log(sigmoid(x)), exact for large negative x.</summary>
            public static Tensor logsigmoid(Tensor x) => x.log_sigmoid();

            /// <summary>log(1 + e^(beta x)) / beta.</summary>
            public static Tensor softplus(Tensor x, double beta = 1, double threshold = 20) => x.softplus(beta, threshold);

            /// <summary>e^x over the sum of e^x along a dimension, computed in dtype.</summary>
            public static Tensor softmax(Tensor input, long dim, ScalarType? dtype = null) => input.softmax(dim, dtype);

            /// <summary>The logarithm of softmax along a dimension.</summary>
            public static Tensor log_softmax(Tensor x, long dim) => x.log_softmax(dim);

            /// <summary>In training, zero with probability p, the others scaled by 1 / (1 - p).</summary>
            public static Tensor dropout(Tensor input, double p = 0.5, bool training = true, bool inplace = false) =>
                inplace ? Aten.CallInPlace(input, "dropout_", input, p, training) : Aten.Call("dropout", input, p, training);

            /// <summary>Vectors of length num_classes with a one at each index.</summary>
            public static Tensor one_hot(Tensor x, long num_classes = -1) => Aten.Call("one_hot", x, num_classes);

            /// <summary>Adds elements around the last dimensions: pairs (before, after), last dimension first.</summary>
            public static Tensor pad(Tensor input, long[] pad, PaddingModes mode = PaddingModes.Constant, double value = 0) => mode switch
            {
                PaddingModes.Constant => Aten.Call("constant_pad_nd", input, pad, value),
                PaddingModes.Zeros => Aten.Call("constant_pad_nd", input, pad, 0.0),
                PaddingModes.Reflect or PaddingModes.Replicate or PaddingModes.Circular => Aten.Call("pad", input, pad, mode.ToString().ToLowerInvariant()),
                _ => throw new ArgumentOutOfRangeException(nameof(mode), mode, "not a padding mode"),
            };

            /// <summary>
            /// softmax(q k^T / sqrt(d) + mask) v over [..., tokens, d]. The mask is true (or 0) where attention is allowed; is_casual (so spelled
            /// in TorchSharp) allows no token to see later ones.
            /// </summary>
            public static Tensor scaled_dot_product_attention(
                Tensor query, Tensor key, Tensor value, Tensor? attn_mask = null, double p = 0, bool is_casual = false)
            {
                // libtorch 1.13 has it under a provisional name, with the attention weights as a second result.
                if (Aten.Has(Attention))
                {
                    return Aten.Call(Attention, query, key, value, attn_mask, p, is_casual);
                }

                return Aten.CallFirst("_" + Attention, query, key, value, attn_mask, p, false, is_casual);
            }
        }
    }
}
