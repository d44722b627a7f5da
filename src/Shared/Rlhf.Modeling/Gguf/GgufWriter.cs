using System.Runtime.InteropServices;
using System.Text;
using Rlhf.Modeling.Checkpoints;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Gguf;

/// <summary>Writes GGUF files of version 3: header, metadata, tensor infos, then the tensors one by one, each at a multiple of 32 bytes.</summary>
internal static class GgufWriter
{
    /// <summary>How much of a tensor is converted at a time.</summary>
    private const long PartElements = 1L << 22;

    /// <summary>Writes a file beside <paramref name="path"/> and renames: an existing file is replaced whole or not at all.</summary>
    /// <param name="path">The file.</param>
    /// <param name="metadata">Keys and values in the order of the file; see <see cref="GgufValues"/>.</param>
    /// <param name="tensors">The tensors in the order of the file; held in memory one at a time.</param>
    /// <returns>The file's length.</returns>
    /// <exception cref="CheckpointException">If a number has no finite form in a tensor's type.</exception>
    public static long Write(string path, IReadOnlyList<KeyValuePair<string, object>> metadata, IReadOnlyList<GgufTensor> tensors)
    {
        using var noGrad = no_grad();
        var temporary = AtomicFile.TemporaryBeside(path);
        try
        {
            long length;
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 20))
            {
                WriteHeader(stream, metadata, tensors);
                foreach (var tensor in tensors)
                {
                    WritePadding(stream);
                    WriteTensor(stream, tensor, path);
                }

                WritePadding(stream);
                stream.Flush(flushToDisk: true);
                length = stream.Length;
            }

            File.Move(temporary, path, overwrite: true);
            return length;
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    private static void WriteHeader(Stream stream, IReadOnlyList<KeyValuePair<string, object>> metadata, IReadOnlyList<GgufTensor> tensors)
    {
        using var writer = new BinaryWriter(stream, Encoding.UTF8, leaveOpen: true);
        writer.Write(GgufFormat.Magic);
        writer.Write(GgufFormat.Version);
        writer.Write((ulong)tensors.Count);
        writer.Write((ulong)metadata.Count);
        foreach (var (key, value) in metadata)
        {
            GgufValues.WriteString(writer, key);
            GgufValues.Write(writer, value);
        }

        var offset = 0L;
        foreach (var tensor in tensors)
        {
            GgufValues.WriteString(writer, tensor.Name);
            writer.Write((uint)tensor.Shape.Length);
            foreach (var extent in tensor.Shape.Reverse())
            {
                writer.Write((ulong)extent);
            }

            writer.Write((uint)tensor.Type);
            writer.Write((ulong)offset);
            offset = GgufFormat.Pad(offset + tensor.Bytes, GgufFormat.DefaultAlignment);
        }
    }

    private static void WritePadding(Stream stream)
    {
        ReadOnlySpan<byte> zeros = stackalloc byte[GgufFormat.DefaultAlignment];
        stream.Write(zeros[..(int)(GgufFormat.Pad(stream.Position, GgufFormat.DefaultAlignment) - stream.Position)]);
    }

    private static void WriteTensor(Stream stream, GgufTensor tensor, string path)
    {
        using var scope = NewDisposeScope();
        var values = tensor.Values().detach();
        var rows = tensor.Shape[0];
        var rowsOfPart = Math.Max(1, PartElements / Math.Max(1, tensor.Elements / Math.Max(1, rows)));
        var finite = true;
        for (var row = 0L; row < rows; row += rowsOfPart)
        {
            using var partScope = NewDisposeScope();
            var part = values.narrow(0, row, Math.Min(rowsOfPart, rows - row)).to(CPU);
            finite &= tensor.Type switch
            {
                GgufType.F32 => WriteBytes(stream, part.to_type(ScalarType.Float32)),
                GgufType.F16 => WriteBytes(stream, part.to_type(ScalarType.Float16)),
                GgufType.BF16 => WriteBytes(stream, part.to_type(ScalarType.BFloat16)),
                _ => WriteBlocks(stream, part.to_type(ScalarType.Float32).contiguous()),
            };
        }

        if (!finite)
        {
            throw new CheckpointException($"{path}: tensor {tensor.Name} has weights that are not finite in type {tensor.Type}; F32 and BF16 hold larger numbers");
        }
    }

    private static bool WriteBytes(Stream stream, Tensor part)
    {
        var contiguous = part.contiguous();
        stream.Write(contiguous.bytes);

        // Infinity and NaN survive a sum.
        return double.IsFinite(contiguous.to_type(ScalarType.Float32).sum().item<float>());
    }

    private static bool WriteBlocks(Stream stream, Tensor part)
    {
        var values = MemoryMarshal.Cast<byte, float>(part.bytes);
        var blocks = new byte[values.Length / Q8Blocks.Elements * Q8Blocks.Bytes];
        var finite = Q8Blocks.Quantize(values, blocks);
        GC.KeepAlive(part);
        stream.Write(blocks);
        return finite;
    }
}
