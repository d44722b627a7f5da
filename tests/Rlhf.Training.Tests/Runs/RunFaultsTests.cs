using System.Runtime.InteropServices;
using System.Text.Json;
using Microsoft.Data.Sqlite;
using Npgsql;
using Rlhf.Modeling.Checkpoints;
using Rlhf.Training.Checkpointing;
using Rlhf.Training.Runs;
using Rlhf.Training.Storage;

namespace Rlhf.Training.Tests.Runs;

public sealed class RunFaultsTests
{
#pragma warning disable CA2201 // libtorch's binding throws this type.
    private static readonly ExternalException s_deviceMemory = new("CUDA out of memory. Tried to allocate 2.00 GiB.");
    private static readonly ExternalException s_hostMemory = new("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes");
    private static readonly ExternalException s_shapes = new("The size of tensor a (3) must match the size of tensor b (4)");
#pragma warning restore CA2201

    public static TheoryData<string, Exception> Passing => new()
    {
        { "disk full", new DiskFullException("full") },
        { "disk full, from the system", new IOException("No space left on device", 28) },
        { "quota", new IOException("Disk quota exceeded", 122) },
        { "input/output error", new IOException("Input/output error", 5) },
        { "stale handle of a shared volume", new IOException("Stale file handle", 116) },
        { "wrapped", new CheckpointException("cannot write", new IOException("No space left on device", 28)) },
        { "SQLite is busy", new SqliteException("database is locked", 5) },
        { "SQLite's disk is full", new SqliteException("database or disk is full", 13) },
        { "PostgreSQL is away", new NpgsqlException("Failed to connect", new IOException("connection reset")) },
        { "PostgreSQL is away, as EF Core says it", new InvalidOperationException("likely due to a transient failure", new NpgsqlException("x", new TimeoutException())) },
        { "PostgreSQL deadlock", new PostgresException("deadlock detected", "ERROR", "ERROR", "40P01") },
        { "device memory", s_deviceMemory },
        { "libtorch's CPU allocator", s_hostMemory },
        { "managed memory", new InsufficientMemoryException() },
    };

    public static TheoryData<string, Exception> Staying => new()
    {
        { "bad configuration", new JsonException("'learning_rte' is unknown") },
        { "wrong argument", new ArgumentOutOfRangeException("steps") },
        { "guard", new InvalidOperationException("The loss is not a number.") },
        { "corrupt checkpoint", new CheckpointException("checkpoint x is corrupt", new FileNotFoundException("x")) },
        { "damaged state", new TrainingStateException("has format 9") },
        { "missing file", new FileNotFoundException("x") },
        { "missing directory", new DirectoryNotFoundException("x") },
        { "forbidden", new UnauthorizedAccessException("x") },
        { "short file", new EndOfStreamException("x") },
        { "wrong shapes", s_shapes },
        { "broken rule of the database", new PostgresException("duplicate key", "ERROR", "ERROR", "23505") },
        { "SQLite constraint", new SqliteException("UNIQUE constraint failed", 19, 2067) },
    };

    [Theory]
    [MemberData(nameof(Passing))]
    public void Fault_ThatMayPass_IsTriedAgain(string name, Exception exception) => Assert.True(RunFaults.IsTransient(exception), name);

    [Theory]
    [MemberData(nameof(Staying))]
    public void Fault_ThatStays_IsNot(string name, Exception exception) => Assert.False(RunFaults.IsTransient(exception), name);
}
