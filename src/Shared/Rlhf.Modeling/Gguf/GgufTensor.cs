using static TorchSharp.torch;

namespace Rlhf.Modeling.Gguf;

/// <summary>A tensor to be written.</summary>
/// <param name="Name">Its name in the file.</param>
/// <param name="Type">The type it is stored in.</param>
/// <param name="Shape">Its shape, outermost dimension first: GGUF has it the other way round.</param>
/// <param name="Values">Gives it, in any floating-point type and on any device. It is called in a dispose scope, without gradients, and its result is not changed.</param>
internal sealed record GgufTensor(string Name, GgufType Type, long[] Shape, Func<Tensor> Values)
{
    public long Elements => Shape.Aggregate(1L, (product, extent) => checked(product * extent));

    public long Bytes => GgmlType.All[(uint)Type].Bytes(Elements);
}
