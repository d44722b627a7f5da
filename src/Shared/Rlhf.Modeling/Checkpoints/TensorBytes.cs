using static TorchSharp.torch;

namespace Rlhf.Modeling.Checkpoints;

/// <summary>A contiguous tensor's memory in parts small enough for a span.</summary>
internal static class TensorBytes
{
    private const long PartElements = 1L << 27;

    public static IEnumerable<Tensor> Parts(Tensor tensor)
    {
        using var flat = tensor.view(-1);
        var count = flat.numel();
        for (var start = 0L; start < count; start += PartElements)
        {
            using var part = flat.narrow(0, start, Math.Min(PartElements, count - start));
            yield return part;
        }
    }
}
