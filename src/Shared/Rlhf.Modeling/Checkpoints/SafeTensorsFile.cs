using System.IO.MemoryMappedFiles;
using Rlhf.Modeling.Transformer;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Checkpoints;

/// <summary>
/// A safetensors file, memory-mapped: opening reads and checks only the header, and a tensor's bytes are copied once, from the
/// page cache to the tensor. Dispose it after reading; tensors that were read stay valid.
/// </summary>
public sealed class SafeTensorsFile : IDisposable
{
    private static readonly Dictionary<string, ScalarType> ScalarTypes = new(StringComparer.Ordinal)
    {
        ["F64"] = ScalarType.Float64,
        ["F32"] = ScalarType.Float32,
        ["F16"] = ScalarType.Float16,
        ["BF16"] = ScalarType.BFloat16,
        ["I64"] = ScalarType.Int64,
        ["I32"] = ScalarType.Int32,
        ["U8"] = ScalarType.Byte,
        ["BOOL"] = ScalarType.Bool,
    };

    private readonly string _path;
    private readonly SafeTensorsHeader _header;
    private readonly long _dataStart;
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private bool _disposed;

    private SafeTensorsFile(string path, SafeTensorsHeader header, long dataStart, MemoryMappedFile file, MemoryMappedViewAccessor view)
    {
        _path = path;
        _header = header;
        _dataStart = dataStart;
        _file = file;
        _view = view;
        Names = [.. header.Entries.Keys];
    }

    /// <summary>The tensors' names, sorted.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>The <c>__metadata__</c> of the header; empty if it has none.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _header.Metadata;

    /// <summary>Maps a file and checks its header: sizes, ranges, overlaps, duplicate names, truncation.</summary>
    /// <param name="path">A .safetensors file.</param>
    /// <exception cref="FileNotFoundException">If there is no such file.</exception>
    /// <exception cref="CheckpointException">If the file is damaged; the message names the fault.</exception>
    public static SafeTensorsFile Open(string path)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        var fileLength = stream.Length;
        if (fileLength < 8)
        {
            throw new CheckpointException($"{path}: truncated: {fileLength} bytes, a safetensors file has at least 8");
        }

        using var reader = new BinaryReader(stream);
        var headerLength = SafeTensorsHeader.CheckLength(reader.ReadUInt64(), fileLength, path);
        var header = SafeTensorsHeader.Parse(reader.ReadBytes(headerLength), fileLength - 8 - headerLength, path);
        var file = MemoryMappedFile.CreateFromFile(path, FileMode.Open, mapName: null, capacity: 0, MemoryMappedFileAccess.Read);
        return new SafeTensorsFile(
            path, header, 8 + headerLength, file, file.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read));
    }

    /// <summary>Type and shape of a tensor as stored.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <exception cref="CheckpointException">If the file has no such tensor.</exception>
    public (ScalarType Dtype, long[] Shape) Describe(string name)
    {
        var entry = Find(name);
        return (ScalarTypes[entry.DataType], [.. entry.Shape]);
    }

    /// <summary>Reads a tensor into new memory on the CPU.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="dtype">The wanted type; null: as stored.</param>
    /// <exception cref="CheckpointException">If the file has no such tensor.</exception>
    public Tensor Read(string name, ScalarType? dtype = null)
    {
        var (stored, shape) = Describe(name);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var tensor = empty(shape, dtype: stored);
        CopyBytes(name, tensor);
        return (dtype is { } wanted && wanted != stored ? tensor.to_type(wanted) : tensor).MoveToOuterDisposeScope();
    }

    /// <summary>Reads a tensor into an existing one of the same shape, converting to its type.</summary>
    internal void ReadInto(string name, Tensor target)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        if (target.dtype == Describe(name).Dtype && target.device.type == TorchSharp.DeviceType.CPU && target.is_contiguous())
        {
            CopyBytes(name, target.detach());
        }
        else
        {
            target.copy_(Read(name));
        }
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

    internal static string NameOf(ScalarType dtype) => ScalarTypes.FirstOrDefault(pair => pair.Value == dtype).Key
        ?? throw new ArgumentException($"safetensors files here hold {string.Join(", ", ScalarTypes.Keys)}, not {dtype}");

    private unsafe void CopyBytes(string name, Tensor tensor)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        byte* start = null;
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
        try
        {
            var source = start + _view.PointerOffset + _dataStart + Find(name).Begin;
            foreach (var part in TensorBytes.Parts(tensor))
            {
                var target = part.bytes;
                new ReadOnlySpan<byte>(source, target.Length).CopyTo(target);
                source += target.Length;
                GC.KeepAlive(part);
            }
        }
        finally
        {
            _view.SafeMemoryMappedViewHandle.ReleasePointer();
        }
    }

    private SafeTensorsEntry Find(string name) => _header.Entries.GetValueOrDefault(name)
        ?? throw new CheckpointException($"{_path}: has no tensor \"{name}\"");
}
