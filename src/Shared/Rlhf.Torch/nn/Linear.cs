using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Modules
{
    /// <summary>y = x W^T + b for inputs [..., in_features].</summary>
    public sealed class Linear : nn.Module<Tensor, Tensor>
    {
        private Parameter weightParameter;
        private Parameter? biasParameter;

        internal Linear(Parameter weight, Parameter? bias)
            : base(nameof(Linear))
        {
            (in_features, out_features) = (weight.shape[1], weight.shape[0]);
            weightParameter = Own("weight", weight)!;
            biasParameter = Own("bias", bias);
        }

        /// <summary>The matrix [out_features, in_features].</summary>
        public Parameter weight
        {
            get => weightParameter;
            set => weightParameter = Own(nameof(weight), value)!;
        }

        /// <summary>The bias [out_features], or null.</summary>
        public Parameter? bias
        {
            get => biasParameter;
            set => biasParameter = Own(nameof(bias), value);
        }

        /// <summary>The size of the last dimension of inputs.</summary>
        public long in_features { get; set; }

        /// <summary>The size of the last dimension of results.</summary>
        public long out_features { get; set; }

        /// <summary>The results [..., out_features].</summary>
        public override Tensor forward(Tensor tensor) => nn.functional.linear(tensor, weight, bias);

        /// <inheritdoc/>
        protected override void RegisterComponents()
        {
        }

        private Parameter? Own(string key, Parameter? value)
        {
            // A layer's parameters outlive the scope it was made in.
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
            /// <summary>y = x W^T + b; both start uniform within 1/sqrt(inputSize) of zero.</summary>
            public static Linear Linear(long inputSize, long outputSize, bool hasBias = true, Device? device = null, ScalarType? dtype = null)
            {
                var bound = inputSize > 0 ? 1 / Math.Sqrt(inputSize) : 0;
                var weight = init.uniform_(empty(outputSize, inputSize, dtype, device), -bound, bound);
                var bias = hasBias ? init.uniform_(empty(outputSize, dtype, device), -bound, bound) : null;
                return new Linear(Parameter(weight), bias is null ? null : Parameter(bias));
            }

            /// <summary>y = x W^T + b with the parameters given.</summary>
            public static Linear Linear(Parameter weight, Parameter? bias = null) => new(weight, bias);
        }
    }
}
