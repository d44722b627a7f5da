using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Modules
{
    /// <summary>In training, sets elements to zero with probability p and scales the others by 1 / (1 - p).</summary>
    public sealed class Dropout : nn.Module<Tensor, Tensor>
    {
        internal Dropout(double p, bool inplace)
            : base(nameof(Dropout))
        {
            this.p = p;
            this.inplace = inplace;
        }

        /// <summary>The probability of an element to be dropped.</summary>
        public double p { get; set; }

        /// <summary>Whether the input is changed.</summary>
        public bool inplace { get; set; }

        /// <summary>The tensor with elements dropped, in the shape of the input.</summary>
        public override Tensor forward(Tensor tensor) => nn.functional.dropout(tensor, p, training, inplace);
    }

    /// <summary>The Gaussian error linear unit, exact form.</summary>
    public sealed class GELU : nn.Module<Tensor, Tensor>
    {
        internal GELU(bool inplace)
            : base(nameof(GELU)) => this.inplace = inplace;

        /// <summary>Whether the input is changed.</summary>
        public bool inplace { get; set; }

        /// <summary>x times the normal distribution function of x, elementwise.</summary>
        public override Tensor forward(Tensor tensor) => nn.functional.gelu(tensor, inplace);
    }

    /// <summary>x * sigmoid(x).</summary>
    public sealed class SiLU : nn.Module<Tensor, Tensor>
    {
        internal SiLU(bool inplace)
            : base(nameof(SiLU)) => this.inplace = inplace;

        /// <summary>Whether the input is changed.</summary>
        public bool inplace { get; set; }

        /// <summary>x * sigmoid(x), elementwise.</summary>
        public override Tensor forward(Tensor tensor) => nn.functional.silu(tensor, inplace);
    }

    /// <summary>max(x, 0).</summary>
    public sealed class ReLU : nn.Module<Tensor, Tensor>
    {
        internal ReLU(bool inplace)
            : base(nameof(ReLU)) => this.inplace = inplace;

        /// <summary>Whether the input is changed.</summary>
        public bool inplace { get; set; }

        /// <summary>max(x, 0), elementwise.</summary>
        public override Tensor forward(Tensor tensor) => nn.functional.relu(tensor, inplace);
    }

    /// <summary>The hyperbolic tangent.</summary>
    public sealed class Tanh : nn.Module<Tensor, Tensor>
    {
        internal Tanh()
            : base(nameof(Tanh))
        {
        }

        /// <summary>tanh(x), elementwise.</summary>
        public override Tensor forward(Tensor tensor) => tensor.tanh();
    }
}

namespace TorchSharp
{
    public static partial class torch
    {
        public static partial class nn
        {
            /// <summary>A layer that drops elements in training.</summary>
            public static Dropout Dropout(double p = 0.5, bool inplace = false) => new(p, inplace);

            /// <summary>The Gaussian error linear unit.</summary>
            public static GELU GELU() => new(false);

            /// <summary>The Gaussian error linear unit.</summary>
            public static GELU GELU(bool inplace) => new(inplace);

            /// <summary>x * sigmoid(x).</summary>
            public static SiLU SiLU() => new(false);

            /// <summary>x * sigmoid(x).</summary>
            public static SiLU SiLU(bool inplace) => new(inplace);

            /// <summary>max(x, 0).</summary>
            public static ReLU ReLU(bool inplace = false) => new(inplace);

            /// <summary>tanh(x).</summary>
            public static Tanh Tanh() => new();
        }
    }
}
