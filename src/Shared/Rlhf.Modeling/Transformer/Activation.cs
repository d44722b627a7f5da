using Rlhf.Torch.Extensions.Kernels;

namespace Rlhf.Modeling.Transformer;

/// <summary>The activation functions of the feed-forward blocks; Hugging Face's names are in <see cref="Activations"/>.</summary>
internal enum Activation
{
    /// <summary>x · sigmoid(x) (Hendrycks and Gimpel 2016; Elfwing et al. 2018).</summary>
    Silu,

    /// <summary>x · Φ(x) with the exact normal distribution function (Hendrycks and Gimpel 2016).</summary>
    Gelu,

    /// <summary>The tanh approximation: 0.5 · x · (1 + tanh(√(2/π) · (x + 0.044715 · x³))).</summary>
    GeluTanh,

    /// <summary>max(x, 0).</summary>
    Relu,
}

/// <summary>The names that config.json has for the activation functions.</summary>
internal static class Activations
{
    /// <summary>
    /// gelu_new, gelu_fast and gelu_pytorch_tanh are one formula written in three ways; they agree up to rounding.
    /// </summary>
    public static readonly IReadOnlyDictionary<string, Activation> ByName = new Dictionary<string, Activation>(StringComparer.Ordinal)
    {
        ["silu"] = Activation.Silu,
        ["swish"] = Activation.Silu,
        ["gelu"] = Activation.Gelu,
        ["gelu_new"] = Activation.GeluTanh,
        ["gelu_fast"] = Activation.GeluTanh,
        ["gelu_pytorch_tanh"] = Activation.GeluTanh,
        ["relu"] = Activation.Relu,
    };
    /// <summary>The same function in the CPU kernels.</summary>
    public static KernelActivation ToKernel(this Activation activation) => activation switch
    {
        Activation.Silu => KernelActivation.Silu,
        Activation.Gelu => KernelActivation.Gelu,
        Activation.Relu => KernelActivation.Relu,
        _ => KernelActivation.GeluTanh,
    };
}
