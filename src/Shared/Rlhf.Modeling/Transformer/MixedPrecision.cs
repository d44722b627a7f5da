using Rlhf.Torch.Extensions.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Transformer;

/// <summary>Whether a run that may multiply bfloat16 factors does: only where that is faster, because otherwise it costs digits and time.</summary>
public static class MixedPrecision
{
    /// <summary>Whether a device multiplies bfloat16 factors faster. Known by the kind of processor, not timed: the same answer after a restart.</summary>
    public static bool IsFasterOn(Device device)
    {
        ArgumentNullException.ThrowIfNull(device);
        return device.type != DeviceType.CPU || CpuKernels.MultipliesBf16Faster;
    }

    /// <summary>What to set a model's <c>Bf16</c> to.</summary>
    /// <param name="bf16">What the configuration says.</param>
    /// <param name="model">The model, on its device.</param>
    public static bool Use(bool bf16, nn.Module model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return bf16 && IsFasterOn(model.parameters().First().device);
    }
}
