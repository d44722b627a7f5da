using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Transformer;

/// <summary>The two normalizations of decoder-only models.</summary>
internal enum NormKind
{
    /// <summary>x / √(mean(x²) + ε) · weight (Zhang and Sennrich 2019).</summary>
    Rms,

    /// <summary>(x − mean) / √(variance + ε) · weight + bias (Ba et al. 2016).</summary>
    Layer,
}

/// <summary>A normalization over the last dimension; weight 1 and bias 0 at first.</summary>
internal sealed class Norm : nn.Module<Tensor, Tensor>
{
    public Norm(NormKind kind, int width, double epsilon, bool affine, ScalarType dtype)
        : base(nameof(Norm))
    {
        Kind = kind;
        Epsilon = epsilon;
        Width = width;
        if (!affine)
        {
            return;
        }

        weight = Weights.Own(ones(width, dtype));
        if (kind == NormKind.Layer)
        {
            bias = Weights.Own(zeros(width, dtype));
        }
    }

    public NormKind Kind { get; }

    /// <summary>The size of the last dimension.</summary>
    public int Width { get; }

    public double Epsilon { get; }

    /// <summary>[Width]; null without elementwise affine parameters.</summary>
    public Parameter? weight
    {
        get;

        // TorchSharp sets the parameter of another type or device here when the module moves: it takes the old one's place.
        private set
        {
            field?.Dispose();
            field = value;
            ConditionallyRegisterParameter(nameof(weight), value);
        }
    }

    /// <summary>[Width]; null for RMSNorm and without elementwise affine parameters.</summary>
    public Parameter? bias
    {
        get;

        // TorchSharp sets the parameter of another type or device here when the module moves: it takes the old one's place.
        private set
        {
            field?.Dispose();
            field = value;
            ConditionallyRegisterParameter(nameof(bias), value);
        }
    }

    /// <param name="input">[…, Width].</param>
    public override Tensor forward(Tensor input) => Kind == NormKind.Rms
        ? TransformerOps.RmsNorm(input, weight, Epsilon)
        : TransformerOps.LayerNorm(input, weight, bias, Epsilon);

    protected override void RegisterComponents()
    {
    }
}
