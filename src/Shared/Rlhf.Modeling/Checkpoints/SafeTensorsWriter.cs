using System.Buffers.Binary;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Checkpoints;

/// <summary>Writes safetensors files that every implementation of the format reads.</summary>
public static class SafeTensorsWriter
{
    /// <summary>Writes tensors beside <paramref name="path"/> and renames: an existing file is replaced whole or not at all.</summary>
    /// <param name="path">The file to write.</param>
    /// <param name="tensors">Name → tensor, on any device; not changed.</param>
    /// <param name="metadata">Strings for <c>__metadata__</c>.</param>
    /// <param name="dtype">The type floating-point tensors are stored in; null: each in its own. Other tensors keep theirs.</param>
    public static void Write(
        string path,
        IReadOnlyDictionary<string, Tensor> tensors,
        IReadOnlyDictionary<string, string>? metadata = null,
        ScalarType? dtype = null)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        using var noGrad = no_grad();

        // Widest elements first, as the reference implementation writes them: every tensor is then aligned for its type.
        var entries = tensors
            .Select(pair => (Name: pair.Key, Tensor: pair.Value, Type: StoredType(pair.Value, dtype)))
            .Select(entry => (entry.Name, entry.Tensor, entry.Type, Size: SafeTensorsHeader.ElementSizes[SafeTensorsFile.NameOf(entry.Type)]))
            .OrderByDescending(entry => entry.Size)
            .ThenBy(entry => entry.Name, StringComparer.Ordinal)
            .ToArray();
        var header = Header(entries, metadata);
        var temporary = AtomicFile.TemporaryBeside(path);
        try
        {
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write))
            {
                Span<byte> length = stackalloc byte[8];
                BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
                stream.Write(length);
                stream.Write(header);
                foreach (var entry in entries)
                {
                    using var scope = NewDisposeScope();
                    foreach (var part in TensorBytes.Parts(entry.Tensor.detach().to(CPU).to_type(entry.Type).contiguous()))
                    {
                        stream.Write(part.bytes);
                        GC.KeepAlive(part);
                    }
                }

                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite: true);
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    /// <summary>The bytes that a tensor takes in a file.</summary>
    internal static long StoredBytes(Tensor tensor, ScalarType? dtype) =>
        tensor.numel() * SafeTensorsHeader.ElementSizes[SafeTensorsFile.NameOf(StoredType(tensor, dtype))];

    private static ScalarType StoredType(Tensor tensor, ScalarType? wanted) =>
        wanted is { } type && tensor.dtype is ScalarType.Float64 or ScalarType.Float32 or ScalarType.Float16 or ScalarType.BFloat16
            ? wanted.Value
            : tensor.dtype;

    private static byte[] Header((string Name, Tensor Tensor, ScalarType Type, int Size)[] entries, IReadOnlyDictionary<string, string>? metadata)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            if (metadata is { Count: > 0 })
            {
                json.WriteStartObject("__metadata__");
                foreach (var (key, value) in metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal))
                {
                    json.WriteString(key, value);
                }

                json.WriteEndObject();
            }

            var begin = 0L;
            foreach (var (name, tensor, type, size) in entries)
            {
                var end = begin + (tensor.numel() * size);
                json.WriteStartObject(name);
                json.WriteString("dtype", SafeTensorsFile.NameOf(type));
                WriteNumbers(json, "shape", tensor.shape);
                WriteNumbers(json, "data_offsets", [begin, end]);
                json.WriteEndObject();
                begin = end;
            }

            json.WriteEndObject();
        }

        // The data starts at a multiple of 8; the format allows spaces behind the JSON text for this.
        stream.Write(Encoding.ASCII.GetBytes(new string(' ', (int)((8 - (stream.Length % 8)) % 8))));
        return stream.ToArray();
    }

    private static void WriteNumbers(Utf8JsonWriter json, string name, long[] numbers)
    {
        json.WriteStartArray(name);
        foreach (var number in numbers)
        {
            json.WriteNumberValue(number);
        }

        json.WriteEndArray();
    }
}
