using System.Text;
using Rlhf.Modeling.Checkpoints;

namespace Rlhf.Modeling.Gguf;

/// <summary>Where one tensor lies, counted from the start of the data; the shape's outermost dimension is first.</summary>
internal sealed record GgufEntry(string Name, GgmlType Type, long[] Shape, long Begin, long Bytes);

/// <summary>
/// The part of a GGUF file before the tensors, versions 2 and 3. Counts and lengths are checked against what is left of the file before
/// memory is taken, and tensors must follow one another with nothing but padding between them, as ggml's own reader demands.
/// </summary>
internal sealed class GgufHeader
{
    // Far above any real file: vocabularies of 262,144 tokens with their merges take about 20 MB, the largest models have some thousand tensors.
    public const long MaxBytes = 128L << 20;
    public const int MaxKeys = 1 << 16, MaxTensors = 1 << 20, MaxKeyBytes = 65535, MaxNesting = 4;

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly string _path;
    private readonly Stream _stream;
    private readonly BinaryReader _reader;
    private readonly long _end;

    private GgufHeader(BinaryReader reader, string path)
    {
        _path = path;
        _stream = reader.BaseStream;
        _reader = reader;
        _end = Math.Min(_stream.Length, MaxBytes);
    }

    public Dictionary<string, object> Metadata { get; } = new(StringComparer.Ordinal);

    /// <summary>In the order of the file.</summary>
    public List<GgufEntry> Entries { get; } = [];

    /// <summary>Where the tensors' data starts in the file.</summary>
    public long DataStart { get; private set; }

    /// <exception cref="CheckpointException">If the file is damaged; the message names the fault.</exception>
    public static GgufHeader Parse(Stream stream, string path)
    {
        using var reader = new BinaryReader(stream, Encoding.UTF8, leaveOpen: true);
        var header = new GgufHeader(reader, path);
        header.ReadStart(out var tensors, out var keys);
        header.ReadMetadata(keys);
        header.ReadEntries(tensors);
        return header;
    }

    private void ReadStart(out int tensors, out int keys)
    {
        Need(24, "the header");
        if (_reader.ReadUInt32() is var magic && magic != GgufFormat.Magic)
        {
            throw Fault($"starts with 0x{magic:x8}, a GGUF file with \"GGUF\"");
        }

        var version = _reader.ReadUInt32();
        if (version is not (2 or GgufFormat.Version))
        {
            throw Fault($"is of version {version}; supported: 2, 3{((version & 0xFFFF) == 0 ? " (this file seems to be big-endian)" : "")}");
        }

        tensors = (int)Count(_reader.ReadUInt64(), 24, MaxTensors, "tensors");
        keys = (int)Count(_reader.ReadUInt64(), 13, MaxKeys, "metadata keys");
    }

    private void ReadMetadata(int keys)
    {
        for (var i = 0; i < keys; i++)
        {
            var key = ReadText($"metadata key {i}", MaxKeyBytes);
            Need(4, key);
            if (!Metadata.TryAdd(key, ReadValue(_reader.ReadUInt32(), key, 0)))
            {
                throw Fault($"metadata key \"{key}\" is listed twice");
            }
        }
    }

    private object ReadValue(uint type, string key, int nesting)
    {
        Need(SizeOf(type, key), key);
        return (GgufValueType)type switch
        {
            GgufValueType.UInt8 => _reader.ReadByte(),
            GgufValueType.Int8 => _reader.ReadSByte(),
            GgufValueType.UInt16 => _reader.ReadUInt16(),
            GgufValueType.Int16 => _reader.ReadInt16(),
            GgufValueType.UInt32 => _reader.ReadUInt32(),
            GgufValueType.Int32 => _reader.ReadInt32(),
            GgufValueType.Float32 => _reader.ReadSingle(),
            GgufValueType.Bool => ReadBool(key),
            GgufValueType.String => ReadString(key),
            GgufValueType.Array => ReadArray(key, nesting),
            GgufValueType.UInt64 => _reader.ReadUInt64(),
            GgufValueType.Int64 => _reader.ReadInt64(),
            _ => _reader.ReadDouble(),
        };
    }

    private object ReadArray(string key, int nesting)
    {
        if (nesting == MaxNesting)
        {
            throw Fault($"metadata key \"{key}\" has arrays in arrays more than {MaxNesting} deep");
        }

        var type = _reader.ReadUInt32();
        var count = (int)Count(_reader.ReadUInt64(), SizeOf(type, key), int.MaxValue, $"elements in metadata key \"{key}\"");
        return (GgufValueType)type switch
        {
            GgufValueType.UInt8 => Fill<byte>(),
            GgufValueType.Int8 => Fill<sbyte>(),
            GgufValueType.UInt16 => Fill<ushort>(),
            GgufValueType.Int16 => Fill<short>(),
            GgufValueType.UInt32 => Fill<uint>(),
            GgufValueType.Int32 => Fill<int>(),
            GgufValueType.Float32 => Fill<float>(),
            GgufValueType.Bool => Fill<bool>(),
            GgufValueType.String => Fill<string>(),
            GgufValueType.Array => Fill<object>(),
            GgufValueType.UInt64 => Fill<ulong>(),
            GgufValueType.Int64 => Fill<long>(),
            _ => Fill<double>(),
        };

        T[] Fill<T>()
        {
            var items = new T[count];
            for (var i = 0; i < count; i++)
            {
                items[i] = (T)ReadValue(type, key, nesting + 1);
            }

            return items;
        }
    }

    private bool ReadBool(string key)
    {
        var value = _reader.ReadByte();
        return value <= 1 ? value == 1 : throw Fault($"metadata key \"{key}\" holds the bool {value}; only 0 and 1 are allowed");
    }

    // Texts of tokens may be cut out of a character in files of others.
    private string ReadString(string key) => Encoding.UTF8.GetString(ReadStringBytes(key, MaxBytes));

    private string ReadText(string what, long maximum)
    {
        try
        {
            return Strict.GetString(ReadStringBytes(what, maximum));
        }
        catch (DecoderFallbackException fault)
        {
            throw new CheckpointException($"{_path}: the name of {what} is not valid UTF-8", fault);
        }
    }

    private byte[] ReadStringBytes(string what, long maximum)
    {
        Need(8, what);
        return _reader.ReadBytes((int)Count(_reader.ReadUInt64(), 1, maximum, $"bytes in a string of {what}"));
    }

    private void ReadEntries(int tensors)
    {
        var alignment = Metadata.GetValueOrDefault(GgufFormat.AlignmentKey, (uint)GgufFormat.DefaultAlignment);
        if (alignment is not uint step || !uint.IsPow2(step) || step > 1 << 20)
        {
            throw Fault($"{GgufFormat.AlignmentKey} is {alignment}; it must be a uint32 that is a power of two, at most {1 << 20}");
        }

        var names = new HashSet<string>(StringComparer.Ordinal);
        var offset = 0L;
        for (var i = 0; i < tensors; i++)
        {
            var entry = ReadEntry(i, offset);
            if (!names.Add(entry.Name))
            {
                throw Fault($"tensor \"{entry.Name}\" is listed twice");
            }

            Entries.Add(entry);
            offset = GgufFormat.Pad(entry.Begin + entry.Bytes, step);
        }

        DataStart = GgufFormat.Pad(_stream.Position, step);
        var (dataEnd, dataLength) = (Entries.Count == 0 ? 0 : Entries[^1].Begin + Entries[^1].Bytes, _stream.Length - DataStart);
        if (Entries.Count > 0 && dataEnd > dataLength)
        {
            throw Fault($"truncated: tensor \"{Entries[^1].Name}\" ends at byte {dataEnd} of the data, but the file has only {Math.Max(0, dataLength)}");
        }

        if (dataLength > offset)
        {
            throw Fault($"{dataLength - offset} bytes after the last tensor belong to no tensor");
        }
    }

    private GgufEntry ReadEntry(int index, long expectedOffset)
    {
        var name = ReadText($"tensor {index}", GgufFormat.MaxNameBytes);
        Need(4, name);
        var dimensions = _reader.ReadUInt32();
        if (dimensions is 0 or > GgufFormat.MaxDimensions)
        {
            throw Fault($"tensor \"{name}\" has {dimensions} dimensions; 1 to {GgufFormat.MaxDimensions} are allowed");
        }

        Need((8 * dimensions) + 12, name);
        var extents = new ulong[dimensions];
        for (var i = 0; i < dimensions; i++)
        {
            extents[i] = _reader.ReadUInt64();
        }

        var typeNumber = _reader.ReadUInt32();
        if (!GgmlType.All.TryGetValue(typeNumber, out var type))
        {
            throw Fault($"tensor \"{name}\" is of ggml type {typeNumber}; supported: {string.Join(", ", GgmlType.All.Values.Select(known => known.Name))}");
        }

        if (extents[0] % (ulong)type.BlockElements != 0)
        {
            throw Fault($"tensor \"{name}\" has rows of {extents[0]} numbers, which is no multiple of {type.Name}'s {type.BlockElements}");
        }

        var offset = _reader.ReadUInt64();
        if (offset != (ulong)expectedOffset)
        {
            throw Fault($"tensor \"{name}\" has offset {offset}, expected {expectedOffset}: tensors follow one another at multiples of the alignment");
        }

        try
        {
            long[] shape = [.. extents.Reverse().Select(extent => checked((long)extent))];
            var bytes = type.Bytes(shape.Aggregate(1L, (product, extent) => checked(product * extent)));
            return expectedOffset + bytes <= _stream.Length
                ? new GgufEntry(name, type, shape, expectedOffset, bytes)
                : throw Fault($"truncated: tensor \"{name}\" needs {bytes} bytes, the file has {_stream.Length}");
        }
        catch (OverflowException)
        {
            throw Fault($"tensor \"{name}\" has dimensions {string.Join(" × ", extents)}, whose size overflows");
        }
    }

    private static long SizeOf(GgufValueType type) => type switch
    {
        GgufValueType.UInt8 or GgufValueType.Int8 or GgufValueType.Bool => 1,
        GgufValueType.UInt16 or GgufValueType.Int16 => 2,
        GgufValueType.UInt32 or GgufValueType.Int32 or GgufValueType.Float32 => 4,
        GgufValueType.Array => 12,
        _ => 8,
    };

    private long SizeOf(uint type, string key) => type <= (uint)GgufValueType.Float64
        ? SizeOf((GgufValueType)type)
        : throw Fault($"metadata key \"{key}\" has values of type {type}; 0 to {(uint)GgufValueType.Float64} are known");

    /// <summary>A count of things of at least so many bytes each: it must fit into what is left.</summary>
    private long Count(ulong count, long smallest, long maximum, string what)
    {
        var most = Math.Min(maximum, (_end - _stream.Position) / smallest);
        return count <= (ulong)Math.Max(0, most)
            ? (long)count
            : throw Fault($"says that it has {count} {what}; at most {Math.Max(0, most)} fit into the file or are allowed");
    }

    private void Need(long bytes, string what)
    {
        if (_end - _stream.Position < bytes)
        {
            throw Fault(_stream.Length > _end ? $"the header is longer than {MaxBytes} bytes" : $"truncated within {what}");
        }
    }

    private CheckpointException Fault(string message) => new($"{_path}: {message}");
}
