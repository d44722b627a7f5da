using TorchSharp.Modules;
using TorchSharp.Native;
using static TorchSharp.torch;

namespace TorchSharp.Modules
{
    /// <summary>A vector for each of a fixed number of ids.</summary>
    public sealed class Embedding : nn.Module<Tensor, Tensor>
    {
        private readonly long paddingIndex;
        private readonly bool scaleGradientByFrequency;
        private readonly bool sparse;
        private readonly double? maxNorm;
        private readonly double normType;
        private Parameter weightParameter;

        internal Embedding(
            Parameter weight, long? paddingIndex, double? maxNorm, double normType, bool scaleGradientByFrequency, bool sparse)
            : base(nameof(Embedding))
        {
            var count = weight.shape[0];
            this.paddingIndex = paddingIndex is { } index ? index < 0 ? index + count : index : -1;
            this.scaleGradientByFrequency = scaleGradientByFrequency;
            this.sparse = sparse;
            this.maxNorm = maxNorm;
            this.normType = normType;
            weightParameter = Own(weight);
        }

        /// <summary>The vectors [num_embeddings, embedding_dims]. It is never null; TorchSharp declares it so.</summary>
        public Parameter? weight
        {
            get => weightParameter;
            set => weightParameter = Own(value ?? throw new ArgumentNullException(nameof(weight)));
        }

        /// <summary>The vectors [..., embedding_dims] of ids [...]. With max_norm the longer ones among them are shortened first, for good.</summary>
        public override Tensor forward(Tensor input)
        {
            if (maxNorm is { } longest)
            {
                using var noGrad = no_grad();
                using var flat = input.contiguous();
                Aten.CallInPlace(weightParameter, "embedding_renorm_", weightParameter, flat, longest, normType);
            }

            return Aten.Call("embedding", weightParameter, input, paddingIndex, scaleGradientByFrequency, sparse);
        }

        /// <inheritdoc/>
        protected override void RegisterComponents()
        {
        }

        private Parameter Own(Parameter value)
        {
            value.DetachFromDisposeScope();
            ConditionallyRegisterParameter(nameof(weight), value);
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
            /// <summary>A vector for each of a fixed number of ids, normal with deviation 1 at first; the padding id's is zero and is not trained.</summary>
            public static Embedding Embedding(
                long num_embeddings,
                long embedding_dims,
                long? padding_idx = null,
                double? max_norm = null,
                double norm_type = 2,
                bool scale_grad_by_freq = false,
                bool sparse = false,
                Device? device = null,
                ScalarType? dtype = null)
            {
                var weight = init.normal_(empty(num_embeddings, embedding_dims, dtype, device));
                if (padding_idx is { } padding)
                {
                    using var row = weight[padding];
                    row.zero_();
                }

                return new Embedding(Parameter(weight), padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse);
            }

            /// <summary>The vectors given, one per id; the module shares their memory unless type or device differ.</summary>
            public static Embedding Embedding_from_pretrained(
                Tensor embeddings,
                bool freeze = true,
                long? padding_idx = null,
                double? max_norm = null,
                double norm_type = 2,
                bool scale_grad_by_freq = false,
                bool sparse = false,
                Device? device = null,
                ScalarType? dtype = null) =>
                new(
                    Parameter(embeddings.detach().to(dtype ?? embeddings.dtype, device ?? embeddings.device), !freeze),
                    padding_idx,
                    max_norm,
                    norm_type,
                    scale_grad_by_freq,
                    sparse);
        }
    }
}
