using System.Text;
using System.Text.Json;

namespace Rlhf.Modeling.Checkpoints;

/// <summary>Where one tensor lies: offsets count from the end of the header.</summary>
internal sealed record SafeTensorsEntry(string Name, string DataType, long[] Shape, long Begin, long End);

/// <summary>
/// The header of a safetensors file – 8 bytes of length (little-endian), then JSON – checked against the file's size:
/// every tensor inside the file, no two overlapping, nothing between them, nothing after the last.
/// </summary>
internal sealed class SafeTensorsHeader
{
    /// <summary>The reference implementation's limit; more is a damaged length field rather than a model.</summary>
    public const long MaxLength = 100_000_000;

    /// <summary>What libtorch allows.</summary>
    private const int MaxRank = 64;

    /// <summary>Bytes of one element, by the format's name of the type.</summary>
    public static readonly IReadOnlyDictionary<string, int> ElementSizes = new Dictionary<string, int>
    {
        ["F64"] = 8, ["F32"] = 4, ["F16"] = 2, ["BF16"] = 2, ["I64"] = 8, ["I32"] = 4, ["U8"] = 1, ["BOOL"] = 1,
    };

    private readonly string _path;

    private SafeTensorsHeader(string path) => _path = path;

    public SortedDictionary<string, SafeTensorsEntry> Entries { get; } = new(StringComparer.Ordinal);

    public Dictionary<string, string> Metadata { get; } = new(StringComparer.Ordinal);

    /// <summary>Checks the length field.</summary>
    /// <returns>The length of the JSON text in bytes.</returns>
    public static int CheckLength(ulong length, long fileLength, string path)
    {
        if (length > MaxLength)
        {
            throw new CheckpointException($"{path}: the header's length field says {length} bytes; at most {MaxLength} are allowed");
        }

        return (long)length + 8 <= fileLength
            ? (int)length
            : throw new CheckpointException($"{path}: truncated: the header needs {length + 8} bytes, the file has {fileLength}");
    }

    public static SafeTensorsHeader Parse(byte[] json, long dataLength, string path)
    {
        var header = new SafeTensorsHeader(path);
        try
        {
            using var document = JsonDocument.Parse(json);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                throw header.Fault("the header must be a JSON object");
            }

            foreach (var property in document.RootElement.EnumerateObject())
            {
                header.Add(property);
            }
        }
        catch (Exception fault) when (fault is JsonException or DecoderFallbackException or InvalidOperationException)
        {
            throw new CheckpointException($"{path}: the header is not valid JSON: {fault.Message}", fault);
        }

        header.CheckLayout(dataLength);
        return header;
    }

    private void Add(JsonProperty property)
    {
        if (property.Name == "__metadata__")
        {
            AddMetadata(property.Value);
            return;
        }

        if (!Entries.TryAdd(property.Name, ParseEntry(property)))
        {
            throw Fault($"tensor \"{property.Name}\" is listed twice");
        }
    }

    private void AddMetadata(JsonElement element)
    {
        if (element.ValueKind != JsonValueKind.Object)
        {
            throw Fault("__metadata__ must be an object of strings");
        }

        foreach (var entry in element.EnumerateObject())
        {
            if (entry.Value.ValueKind != JsonValueKind.String || !Metadata.TryAdd(entry.Name, entry.Value.GetString()!))
            {
                throw Fault($"__metadata__[\"{entry.Name}\"] must be a string and listed once");
            }
        }
    }

    private SafeTensorsEntry ParseEntry(JsonProperty property)
    {
        var name = property.Name;
        var fields = property.Value;
        if (fields.ValueKind != JsonValueKind.Object
            || !fields.EnumerateObject().Select(field => field.Name).Order(StringComparer.Ordinal).SequenceEqual(["data_offsets", "dtype", "shape"]))
        {
            throw Fault($"tensor \"{name}\" must have exactly the fields dtype, shape, data_offsets");
        }

        var type = fields.GetProperty("dtype");
        if (type.ValueKind != JsonValueKind.String || !ElementSizes.TryGetValue(type.GetString()!, out var size))
        {
            throw Fault($"tensor \"{name}\" has dtype {type.GetRawText()}; supported: {string.Join(", ", ElementSizes.Keys)}");
        }

        var shape = Numbers(fields.GetProperty("shape"), name, "shape");
        var offsets = Numbers(fields.GetProperty("data_offsets"), name, "data_offsets");
        if (offsets.Length != 2 || offsets[1] < offsets[0])
        {
            throw Fault($"tensor \"{name}\" has data_offsets [{string.Join(", ", offsets)}]; expected [begin, end] with begin ≤ end");
        }

        if (shape.Length > MaxRank)
        {
            throw Fault($"tensor \"{name}\" has {shape.Length} dimensions; at most {MaxRank} are allowed");
        }

        // Extents beside a 0 count too: libtorch computes strides of them.
        long elements = size;
        long bytes = 1;
        try
        {
            foreach (var extent in shape)
            {
                elements = checked(elements * Math.Max(extent, 1));
                bytes = extent == 0 ? 0 : bytes;
            }
        }
        catch (OverflowException)
        {
            throw Fault($"tensor \"{name}\" has shape [{string.Join(", ", shape)}], whose size overflows");
        }

        bytes *= elements;

        return bytes == offsets[1] - offsets[0]
            ? new SafeTensorsEntry(name, type.GetString()!, shape, offsets[0], offsets[1])
            : throw Fault(
                $"tensor \"{name}\" of shape [{string.Join(", ", shape)}] and dtype {type.GetString()} needs {bytes} bytes, "
                + $"but data_offsets span {offsets[1] - offsets[0]}");
    }

    private long[] Numbers(JsonElement element, string name, string field)
    {
        if (element.ValueKind != JsonValueKind.Array)
        {
            throw Fault($"tensor \"{name}\": {field} must be a list of non-negative integers");
        }

        return [.. element.EnumerateArray().Select(item => item.ValueKind == JsonValueKind.Number && item.TryGetInt64(out var number) && number >= 0
            ? number
            : throw Fault($"tensor \"{name}\": {field} must be a list of non-negative integers, found {item.GetRawText()}"))];
    }

    private void CheckLayout(long dataLength)
    {
        long end = 0;
        SafeTensorsEntry? previous = null;
        foreach (var entry in Entries.Values.OrderBy(entry => entry.Begin).ThenBy(entry => entry.End))
        {
            if (entry.Begin < end)
            {
                throw Fault($"tensors \"{previous!.Name}\" and \"{entry.Name}\" overlap in the file");
            }

            if (entry.Begin > end)
            {
                throw Fault($"{entry.Begin - end} bytes before tensor \"{entry.Name}\" belong to no tensor");
            }

            if (entry.End > dataLength)
            {
                throw Fault($"truncated: tensor \"{entry.Name}\" ends at byte {entry.End} of the data, but the file has only {dataLength}");
            }

            end = entry.End;
            previous = entry;
        }

        if (end != dataLength)
        {
            throw Fault($"{dataLength - end} bytes after the last tensor belong to no tensor");
        }
    }

    private CheckpointException Fault(string message) => new($"{_path}: {message}");
}
