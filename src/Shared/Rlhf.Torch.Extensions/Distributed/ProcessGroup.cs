using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Rlhf.Torch.Extensions.Distributed;

/// <summary>How an all-reduce joins the ranks' numbers.</summary>
public enum ReduceOperation
{
    /// <summary>Their sum.</summary>
    Sum,

    /// <summary>The largest.</summary>
    Max,
}

/// <summary>
/// Processes that compute together, with torch.distributed's collectives over Gloo. Every rank must call the same collectives in the same
/// order with tensors of the same shape. Tensors are dense, on the CPU, and not bfloat16, which Gloo of libtorch 1.13 does not know.
/// </summary>
public sealed class ProcessGroup : IDisposable
{
#if TORCHSHARP_PACKAGE
    private const int Binding = 1;
#else
    private const int Binding = 0;
#endif

    private readonly ProcessGroupHandle _handle;
    private readonly TimeSpan _timeout;

    private ProcessGroup(ProcessGroupHandle handle, int rank, int size, TimeSpan timeout) =>
        (_handle, Rank, Size, _timeout) = (handle, rank, size, timeout);

    /// <summary>This process's number, from 0.</summary>
    public int Rank { get; }

    /// <summary>How many processes there are.</summary>
    public int Size { get; }

    /// <summary>Meets the other ranks: rank 0 listens at the master's address and port, the others call there. Returns once all are there.</summary>
    /// <exception cref="DistributedException">If they do not meet within the timeout, or this build has no process groups.</exception>
    public static ProcessGroup Join(RankEnvironment environment)
    {
        ArgumentNullException.ThrowIfNull(environment);
        TorchRuntime.Initialize();
        if (!DistributedLibrary.IsAvailable)
        {
            throw new DistributedException(
                $"WORLD_SIZE is {environment.WorldSize}, but this build trains in one process only ({DistributedLibrary.Problem}). On Debian: apt-get install libgloo-dev, and build again.");
        }

        var (rank, size, timeout) = (environment.Rank, environment.WorldSize, environment.Timeout);
        if (DistributedMethods.rd_group_new(
            environment.MasterAddress, environment.MasterPort, rank, size, (long)timeout.TotalMilliseconds, environment.NetworkInterface, out var group) != 0)
        {
            throw new DistributedException(
                $"rank {rank} of {size} did not meet the others at {environment.MasterAddress}:{environment.MasterPort} ({timeout.TotalSeconds:0} s): {LastError()}");
        }

        return new ProcessGroup(new ProcessGroupHandle(group), rank, size, timeout);
    }

    /// <summary>Joins the ranks' tensors in place; every rank has the same bits afterwards.</summary>
    /// <exception cref="DistributedException">If a rank is gone or does not answer in time.</exception>
    public void AllReduce(Tensor tensor, ReduceOperation operation = ReduceOperation.Sum)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        Check(DistributedMethods.rd_all_reduce(_handle, Binding, tensor.Handle, (int)operation, noWork: 0), "all-reduce");
        GC.KeepAlive(tensor);
    }

    /// <summary>Begins <see cref="AllReduce"/>; the tensor may not be touched before the result of this has been waited for.</summary>
    public CollectiveWork BeginAllReduce(Tensor tensor, ReduceOperation operation = ReduceOperation.Sum)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        Check(DistributedMethods.rd_all_reduce(_handle, Binding, tensor.Handle, (int)operation, out var work), "all-reduce");
        return new CollectiveWork(this, tensor, work);
    }

    /// <summary>Overwrites every rank's tensor with that of one.</summary>
    public void Broadcast(Tensor tensor, int root = 0)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        Check(DistributedMethods.rd_broadcast(_handle, Binding, tensor.Handle, root), "broadcast");
        GC.KeepAlive(tensor);
    }

    /// <summary>The tensors of all ranks, in their order.</summary>
    /// <param name="tensor">[…], the same shape on every rank.</param>
    /// <returns>[ranks, …].</returns>
    public Tensor AllGather(Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        var gathered = empty([Size, .. tensor.shape], dtype: tensor.dtype);
        Check(DistributedMethods.rd_all_gather(_handle, Binding, tensor.Handle, gathered.Handle), "all-gather");
        GC.KeepAlive(tensor);
        GC.KeepAlive(gathered);
        return gathered;
    }

    /// <summary>The bytes of all ranks, in their order; they may be of different lengths.</summary>
    public byte[][] AllGather(byte[] bytes)
    {
        ArgumentNullException.ThrowIfNull(bytes);
        using var scope = NewDisposeScope();
        var lengths = AllGather(tensor(new long[] { bytes.Length })).data<long>().ToArray();
        var widest = (int)lengths.Max();
        if (widest == 0)
        {
            return [.. lengths.Select(_ => Array.Empty<byte>())];
        }

        var padded = new byte[widest];
        bytes.CopyTo(padded, 0);
        var all = AllGather(tensor(padded)).data<byte>().ToArray();
        return [.. lengths.Select((length, rank) => all.AsSpan(rank * widest, (int)length).ToArray())];
    }

    /// <summary>One rank's bytes on every rank; the others' argument does not count.</summary>
    public byte[] Broadcast(byte[] bytes, int root = 0)
    {
        ArgumentNullException.ThrowIfNull(bytes);
        using var scope = NewDisposeScope();
        var length = tensor(new long[] { bytes.Length });
        Broadcast(length, root);
        var buffer = Rank == root ? tensor(bytes) : zeros(length.item<long>(), dtype: ScalarType.Byte);
        if (buffer.numel() > 0)
        {
            Broadcast(buffer, root);
        }

        return buffer.data<byte>().ToArray();
    }

    /// <summary>Returns once every rank has called it.</summary>
    public void Barrier() => Check(DistributedMethods.rd_barrier(_handle), "barrier");

    /// <inheritdoc/>
    public void Dispose() => _handle.Dispose();

    internal void Check(int result, string collective)
    {
        if (result != 0)
        {
            throw new DistributedException(
                $"rank {Rank} of {Size}: another rank has ended or does not answer ({collective}, timeout {_timeout.TotalSeconds:0} s; {RankEnvironment.TimeoutVariable} sets it). Look at the other ranks' messages first. {LastError()}");
        }
    }

    private static string LastError() => (Marshal.PtrToStringUTF8(DistributedMethods.rd_last_error()) ?? "").Split('\n')[0];
}

/// <summary>A collective on its way.</summary>
public sealed class CollectiveWork
{
    private readonly ProcessGroup _group;
    private readonly Tensor _tensor;
    private nint _work;

    internal CollectiveWork(ProcessGroup group, Tensor tensor, nint work) => (_group, _tensor, _work) = (group, tensor, work);

    /// <summary>Returns once the tensor holds the result. Must be called once.</summary>
    /// <exception cref="DistributedException">If a rank is gone or does not answer in time.</exception>
    public void Wait()
    {
        var work = Interlocked.Exchange(ref _work, 0);
        if (work != 0)
        {
            _group.Check(DistributedMethods.rd_work_wait(work), "all-reduce");
            GC.KeepAlive(_tensor);
        }
    }
}
