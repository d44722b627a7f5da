using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Transformer;

/// <summary>Root-mean-square normalization (Zhang and Sennrich 2019): x / √(mean(x²) + epsilon) · weight.</summary>
internal sealed class RmsNorm : nn.Module<Tensor, Tensor>
{
    private readonly double _epsilon;

    public RmsNorm(int width, double epsilon)
        : base(nameof(RmsNorm))
    {
        _epsilon = epsilon;
        Weight = new Parameter(empty([width], dtype: ScalarType.Float32));
        register_parameter("weight", Weight);
    }

    public Parameter Weight { get; }

    public override Tensor forward(Tensor x) => Normalize(x, _epsilon) * Weight;

    /// <summary>The normalization without its weight.</summary>
    public static Tensor Normalize(Tensor x, double epsilon) => x * (x.square().mean([-1L], keepdim: true) + epsilon).rsqrt();
}
