using System.IO.MemoryMappedFiles;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Checkpoints;

/// <summary>
/// A safetensors file, memory-mapped: opening reads and checks only the header, and a tensor's bytes are copied once, from the
/// page cache to the tensor. Dispose it after reading; tensors that were read stay valid.
/// </summary>
public sealed class SafeTensorsFile : IDisposable
{
    /// <summary>What is converted or transposed at a time: it stays in the processor's cache.</summary>
    private const long StagedElements = 1 << 18;

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
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="target">Where the numbers go.</param>
    /// <param name="transposed">Whether the file has the matrix with rows and columns exchanged.</param>
    /// <returns>Whether every number in the file is finite.</returns>
    internal bool ReadInto(string name, Tensor target, bool transposed = false)
    {
        var (dtype, shape) = Describe(name);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var detached = target.detach();
        if (!transposed && target.dtype == dtype && target.device.type == TorchSharp.DeviceType.CPU && target.is_contiguous())
        {
            return CopyBytes(name, detached);
        }

        return shape is [] || target.numel() == 0 ? CopyWhole() : CopyRows(name, detached, shape, dtype, transposed);

        bool CopyWhole()
        {
            var whole = empty(shape, dtype: dtype);
            var finite = CopyBytes(name, whole);
            detached.copy_(whole);
            return finite;
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

    private bool CopyBytes(string name, Tensor tensor) => WithPointer(name, pointer => CopyTo(pointer, tensor));

    private static unsafe bool CopyTo(nint pointer, Tensor tensor) => TensorBytes.Copy((byte*)pointer, tensor);

    /// <summary>Some rows at a time: a second copy of a whole tensor would double what loading needs.</summary>
    private bool CopyRows(string name, Tensor target, long[] shape, ScalarType dtype, bool transposed)
    {
        var rowElements = shape[1..].Aggregate(1L, (product, extent) => product * extent);
        var rows = Math.Clamp(StagedElements / rowElements, 1, shape[0]);
        var rowBytes = rowElements * SafeTensorsHeader.ElementSizes[NameOf(dtype)];
        var staged = empty([rows, .. shape[1..]], dtype: dtype);
        return WithPointer(name, pointer =>
        {
            var finite = true;
            for (var row = 0L; row < shape[0]; row += rows)
            {
                using var scope = NewDisposeScope();
                var count = Math.Min(rows, shape[0] - row);
                var part = staged.narrow(0, 0, count);
                finite &= CopyTo(pointer + (nint)(row * rowBytes), part);
                target.narrow(transposed ? 1 : 0, row, count).copy_(transposed ? part.transpose(0, 1) : part);
            }

            return finite;
        });
    }

    private unsafe T WithPointer<T>(string name, Func<nint, T> use)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        var entry = Find(name);
        byte* start = null;
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
        try
        {
            return use((nint)(start + _view.PointerOffset + _dataStart + entry.Begin));
        }
        finally
        {
            _view.SafeMemoryMappedViewHandle.ReleasePointer();
        }
    }

    private SafeTensorsEntry Find(string name) => _header.Entries.GetValueOrDefault(name)
        ?? throw new CheckpointException($"{_path}: has no tensor \"{name}\"");
}
