using TorchSharp.Native;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        /// <summary>Every element drawn from a normal distribution; returns itself.</summary>
        public Tensor normal_(double mean = 0.0, double std = 1.0, Generator? generator = null) => Aten.CallInPlace(this, "normal_", this, mean, std, generator);

        /// <summary>Every element drawn uniformly from [from, to); returns itself.</summary>
        public Tensor uniform_(double from, double to, Generator? generator = null) => Aten.CallInPlace(this, "uniform_", this, from, to, generator);

        /// <summary>Every element drawn: 1 with probability p, else 0; returns itself.</summary>
        public Tensor bernoulli_(double p = 0.5, Generator? generator = null) => Aten.CallInPlace(this, "bernoulli_.float", this, p, generator);

        /// <summary>1 with the probability the element says, else 0.</summary>
        public Tensor bernoulli(Generator? generator = null) => Aten.Call("bernoulli", this, generator);

        /// <summary>Every element drawn from an exponential distribution; returns itself.</summary>
        public Tensor exponential_(double lambda = 1.0, Generator? generator = null) => Aten.CallInPlace(this, "exponential_", this, lambda, generator);

        /// <summary>Uniform random numbers in the shape of this tensor.</summary>
        public Tensor rand_like(ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => torch.rand_like(this, dtype, device, requires_grad);

        /// <summary>Normal random numbers in the shape of this tensor.</summary>
        public Tensor randn_like(ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => torch.randn_like(this, dtype, device, requires_grad);

        /// <summary>Zeros in the shape of this tensor.</summary>
        public Tensor zeros_like(ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => torch.zeros_like(this, dtype, device, requires_grad);

        /// <summary>Ones in the shape of this tensor.</summary>
        public Tensor ones_like(ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => torch.ones_like(this, dtype, device, requires_grad);

        /// <summary>Memory in the shape of this tensor, not set.</summary>
        public Tensor empty_like(ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => torch.empty_like(this, dtype, device, requires_grad);

        /// <summary>One value in the shape of this tensor.</summary>
        public Tensor full_like(Scalar value, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => torch.full_like(this, value, dtype, device, requires_grad);

        /// <summary>Zeros of that shape, with this tensor's type and device.</summary>
        public Tensor new_zeros(long[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => torch.zeros(size, dtype ?? this.dtype, device ?? this.device, requires_grad);

        /// <summary>Memory not set, of that shape, with this tensor's type and device.</summary>
        public Tensor new_empty(long[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => torch.empty(size, dtype ?? this.dtype, device ?? this.device, requires_grad);

        /// <summary>The Gaussian error linear unit of every element, exact form.</summary>
        public Tensor gelu() => Aten.Call("gelu", this);

        /// <summary>log(1 + e^(beta x)) / beta of every element.</summary>
        public Tensor softplus(double beta = 1, double threshold = 20) => Aten.Call("softplus", this, beta, threshold);

        /// <summary>log(sigmoid(x)) of every element.</summary>
        public Tensor log_sigmoid() => Aten.Call("log_sigmoid", this);
    }
}
