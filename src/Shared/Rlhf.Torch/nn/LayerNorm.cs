using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Modules
{
    /// <summary>Subtracts the mean, divides by the deviation over the last dimensions, then scales and shifts.</summary>
    public sealed class LayerNorm : nn.Module<Tensor, Tensor>
    {
        private readonly long[] normalizedShape;
        private Parameter? weightParameter;
        private Parameter? biasParameter;

        internal LayerNorm(long[] normalizedShape, double eps, Parameter? weight, Parameter? bias)
            : base(nameof(LayerNorm))
        {
            this.normalizedShape = normalizedShape;
            this.eps = eps;
            weightParameter = Own("weight", weight);
            biasParameter = Own("bias", bias);
        }

        /// <summary>The scale, of the normalized shape; null without affine parameters.</summary>
        public Parameter? weight
        {
            get => weightParameter;
            set => weightParameter = Own(nameof(weight), value);
        }

        /// <summary>The shift, of the normalized shape; null without bias.</summary>
        public Parameter? bias
        {
            get => biasParameter;
            set => biasParameter = Own(nameof(bias), value);
        }

        /// <summary>What is added to the variance.</summary>
        public double eps { get; set; }

        /// <summary>The normalized tensor, in the shape of the input.</summary>
        public override Tensor forward(Tensor tensor) => nn.functional.layer_norm(tensor, normalizedShape, weight, bias, eps);

        /// <inheritdoc/>
        protected override void RegisterComponents()
        {
        }

        private Parameter? Own(string key, Parameter? value)
        {
            value?.DetachFromDisposeScope();
            ConditionallyRegisterParameter(key, value);
            return value;
        }
    }
}

namespace TorchSharp
{
    public static partial class torch
    {
        public static partial class nn
        {
            /// <summary>Normalization over the last dimensions; scale 1 and shift 0 at first.</summary>
            public static LayerNorm LayerNorm(
                long[] normalized_shape, double eps = 1e-05, bool elementwise_affine = true, bool bias = true, Device? device = null, ScalarType? dtype = null) =>
                new(
                    normalized_shape,
                    eps,
                    elementwise_affine ? Parameter(ones(normalized_shape, dtype, device)) : null,
                    elementwise_affine && bias ? Parameter(zeros(normalized_shape, dtype, device)) : null);

            /// <summary>Normalization over the last dimension.</summary>
            public static LayerNorm LayerNorm(
                long normalized_shape, double eps = 1e-05, bool elementwise_affine = true, bool bias = true, Device? device = null, ScalarType? dtype = null) =>
                LayerNorm([normalized_shape], eps, elementwise_affine, bias, device, dtype);
        }
    }
}
