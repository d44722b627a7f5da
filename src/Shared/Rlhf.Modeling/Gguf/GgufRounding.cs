using System.Runtime.InteropServices;
using Rlhf.Modeling.Transformer;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Gguf;

/// <summary>
/// Gives a model the weights that a program reads out of its GGUF file, so that what the rounding costs can be measured without that
/// program. Only weights: llama.cpp also rounds what it multiplies Q8_0 matrices with.
/// </summary>
public static class GgufRounding
{
    private const long PartElements = 1L << 22;

    /// <summary>Replaces every weight by what <see cref="GgufExport"/> stores for it, in place.</summary>
    /// <param name="model">A model in single precision, without an attached adapter.</param>
    /// <param name="type">The type of matrices; which of them are stored otherwise says <see cref="GgufExport.Write"/>.</param>
    /// <exception cref="ArgumentException">If the model is in another precision, which could not hold the rounded weights, or has an adapter attached.</exception>
    public static void Apply(CausalLanguageModel model, GgufType type)
    {
        ArgumentNullException.ThrowIfNull(model);
        if (model.parameters().FirstOrDefault(parameter => parameter.dtype != ScalarType.Float32) is { } other)
        {
            throw new ArgumentException($"the model holds weights in {other.dtype}; load it in {ScalarType.Float32}", nameof(model));
        }

        if (model.modules().OfType<Projection>().Any(projection => projection.Lora is not null || projection.Original is not null))
        {
            throw new ArgumentException("the model has an adapter attached; merge it first", nameof(model));
        }

        using var noGrad = no_grad();
        var positions = model.Body.PositionEmbedding?.weight;
        foreach (var matrix in model.parameters().Where(parameter => parameter.dim() == 2 && !ReferenceEquals(parameter, positions)))
        {
            Round(matrix, GgufModel.TypeOf(type, matrix.shape));
        }
    }

    private static void Round(Parameter matrix, GgufType type)
    {
        var (rows, width) = (matrix.shape[0], matrix.shape[1]);
        var rowsOfPart = Math.Max(1, PartElements / width);
        for (var row = 0L; row < rows; row += rowsOfPart)
        {
            using var scope = NewDisposeScope();
            var part = matrix.narrow(0, row, Math.Min(rowsOfPart, rows - row));
            part.copy_(type switch
            {
                GgufType.F32 => part,
                GgufType.F16 => part.to_type(ScalarType.Float16),
                GgufType.BF16 => part.to_type(ScalarType.BFloat16),
                _ => ThroughBlocks(part.to(CPU).contiguous()),
            });
        }
    }

    private static Tensor ThroughBlocks(Tensor part)
    {
        var values = MemoryMarshal.Cast<byte, float>(part.bytes);
        var blocks = new byte[values.Length / Q8Blocks.Elements * Q8Blocks.Bytes];
        Q8Blocks.Quantize(values, blocks);
        GC.KeepAlive(part);
        var rounded = new float[values.Length];
        Q8Blocks.Dequantize(blocks, rounded);
        return tensor(rounded, part.shape);
    }
}
