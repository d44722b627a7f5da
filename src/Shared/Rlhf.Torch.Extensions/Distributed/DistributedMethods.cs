using System.Runtime.InteropServices;

namespace Rlhf.Torch.Extensions.Distributed;

/// <summary>The functions of librlhfdistributed.so; native/distributed/rlhfdistributed.h says what each one does.</summary>
internal static partial class DistributedMethods
{
    [LibraryImport(DistributedLibrary.Name)]
    public static partial nint rd_last_error();

    [LibraryImport(DistributedLibrary.Name, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int rd_group_new(string address, int port, int rank, int size, long timeoutMs, string networkInterface, out nint group);

    [LibraryImport(DistributedLibrary.Name)]
    public static partial void rd_group_free(nint group);

    [LibraryImport(DistributedLibrary.Name)]
    public static partial int rd_all_reduce(ProcessGroupHandle group, int binding, nint tensor, int operation, nint noWork);

    [LibraryImport(DistributedLibrary.Name)]
    public static partial int rd_all_reduce(ProcessGroupHandle group, int binding, nint tensor, int operation, out nint work);

    [LibraryImport(DistributedLibrary.Name)]
    public static partial int rd_broadcast(ProcessGroupHandle group, int binding, nint tensor, int root);

    [LibraryImport(DistributedLibrary.Name)]
    public static partial int rd_all_gather(ProcessGroupHandle group, int binding, nint input, nint output);

    [LibraryImport(DistributedLibrary.Name)]
    public static partial int rd_barrier(ProcessGroupHandle group);

    [LibraryImport(DistributedLibrary.Name)]
    public static partial int rd_work_wait(nint work);
}

/// <summary>Owns a native process group.</summary>
internal sealed class ProcessGroupHandle : SafeHandle
{
    public ProcessGroupHandle(nint group)
        : base(0, ownsHandle: true) => SetHandle(group);

    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle()
    {
        DistributedMethods.rd_group_free(handle);
        return true;
    }
}
