using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using Rlhf.Modeling.Checkpoints;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Gguf;

/// <summary>
/// A GGUF file of version 2 or 3 (docs/gguf.md of ggml), memory-mapped: opening reads and checks only the header. Dispose it after
/// reading; tensors that were read stay valid.
/// </summary>
public sealed class GgufFile : IDisposable
{
    private readonly string _path;
    private readonly GgufHeader _header;
    private readonly Dictionary<string, GgufEntry> _entries;
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private bool _disposed;

    private GgufFile(string path, GgufHeader header, MemoryMappedFile file)
    {
        _path = path;
        _header = header;
        _entries = header.Entries.ToDictionary(entry => entry.Name, StringComparer.Ordinal);
        _file = file;
        _view = file.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
        Names = [.. header.Entries.Select(entry => entry.Name)];
    }

    /// <summary>The tensors' names in the order of the file.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>
    /// Keys and values: the .NET type of each is that of the file (byte, sbyte, ushort, short, uint, int, ulong, long, float, double, bool,
    /// string), arrays are .NET arrays, of objects where they hold arrays.
    /// </summary>
    public IReadOnlyDictionary<string, object> Metadata => _header.Metadata;

    /// <summary>Maps a file and checks its header: counts, lengths, nesting, types, sizes, alignment, truncation.</summary>
    /// <param name="path">A .gguf file.</param>
    /// <exception cref="FileNotFoundException">If there is no such file.</exception>
    /// <exception cref="CheckpointException">If the file is damaged; the message names the fault.</exception>
    public static GgufFile Open(string path)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16);
        var header = GgufHeader.Parse(stream, path);
        return new GgufFile(path, header, MemoryMappedFile.CreateFromFile(path, FileMode.Open, mapName: null, capacity: 0, MemoryMappedFileAccess.Read));
    }

    /// <summary>Type, shape and size of a tensor as stored.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <returns>ggml's name of the type, the shape with the outermost dimension first (the file has it last), and the bytes it takes.</returns>
    /// <exception cref="CheckpointException">If the file has no such tensor.</exception>
    public (string Type, long[] Shape, long Bytes) Describe(string name)
    {
        var entry = Find(name);
        return (entry.Type.Name, [.. entry.Shape], entry.Bytes);
    }

    /// <summary>Reads a tensor of type F32, F16, BF16 or Q8_0 into new memory on the CPU, in single precision.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <exception cref="CheckpointException">If the file has no such tensor, or it is of another type.</exception>
    public Tensor Read(string name)
    {
        var entry = Find(name);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var tensor = entry.Type.Name switch
        {
            nameof(GgufType.F32) => ReadPlain(entry, ScalarType.Float32),
            nameof(GgufType.F16) => ReadPlain(entry, ScalarType.Float16).to_type(ScalarType.Float32),
            nameof(GgufType.BF16) => ReadPlain(entry, ScalarType.BFloat16).to_type(ScalarType.Float32),
            nameof(GgufType.Q8_0) => ReadBlocks(entry),
            var other => throw new CheckpointException($"{_path}: tensor \"{name}\" is of type {other}; read here are {string.Join(", ", Enum.GetNames<GgufType>())}"),
        };
        return tensor.MoveToOuterDisposeScope();
    }

    /// <summary>Unmaps the file.</summary>
    public void Dispose()
    {
        if (!_disposed)
        {
            _disposed = true;
            _view.Dispose();
            _file.Dispose();
        }
    }

    private Tensor ReadPlain(GgufEntry entry, ScalarType type)
    {
        var tensor = empty(entry.Shape, dtype: type);
        var copied = 0L;
        foreach (var part in TensorBytes.Parts(tensor))
        {
            CopyBytes(entry.Begin + copied, part.bytes);
            copied += part.bytes.Length;
            GC.KeepAlive(part);
        }

        return tensor;
    }

    private Tensor ReadBlocks(GgufEntry entry)
    {
        var tensor = empty(entry.Shape, dtype: ScalarType.Float32);
        var read = 0L;
        foreach (var part in TensorBytes.Parts(tensor))
        {
            var values = MemoryMarshal.Cast<byte, float>(part.bytes);
            var blocks = new byte[Q8Blocks.Bytes * 4096];
            while (values.Length > 0)
            {
                var count = Math.Min(values.Length / Q8Blocks.Elements, 4096);
                var bytes = blocks.AsSpan(0, count * Q8Blocks.Bytes);
                CopyBytes(entry.Begin + read, bytes);
                Q8Blocks.Dequantize(bytes, values);
                read += bytes.Length;
                values = values[(count * Q8Blocks.Elements)..];
            }

            GC.KeepAlive(part);
        }

        return tensor;
    }

    private unsafe void CopyBytes(long begin, Span<byte> target)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        byte* start = null;
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
        try
        {
            new ReadOnlySpan<byte>(start + _view.PointerOffset + _header.DataStart + begin, target.Length).CopyTo(target);
        }
        finally
        {
            _view.SafeMemoryMappedViewHandle.ReleasePointer();
        }
    }

    private GgufEntry Find(string name) => _entries.GetValueOrDefault(name) ?? throw new CheckpointException($"{_path}: has no tensor \"{name}\"");
}
