using System.Data.Common;
using System.Runtime.InteropServices;
using Microsoft.Data.Sqlite;
using Rlhf.Training.Storage;

namespace Rlhf.Training.Runs;

/// <summary>
/// The one place that says which failures of a run may pass by themselves: a full disk, an input/output error of the shared volume, a database
/// that is away, a device without free memory. Everything else (a bad configuration, a corrupt checkpoint, a guard that tripped, a wrong argument)
/// would fail again in the same way, and each time cost the device.
/// </summary>
internal static class RunFaults
{
    private const int SqliteBusy = 5;
    private const int SqliteLocked = 6;
    private const int SqliteInputOutput = 10;
    private const int SqliteFull = 13;
    private const int SqliteUniqueViolation = 2067;
    private const string PostgresUniqueViolation = "23505";

    /// <summary>Whether a run that failed so is to be tried again later.</summary>
    public static bool IsTransient(Exception exception) =>
        Chain(exception).Any(e => StorageFaults.IsTransient(e) || IsOutOfMemory(e) || IsTransientDatabaseError(e));

    /// <summary>Whether a write to the database is to be repeated at once.</summary>
    public static bool IsDatabaseAway(Exception exception) => Chain(exception).Any(IsTransientDatabaseError);

    /// <summary>Whether a write met a row that a unique index allows once.</summary>
    public static bool IsUniqueViolation(Exception exception) =>
        Chain(exception).Any(e => e is SqliteException { SqliteExtendedErrorCode: SqliteUniqueViolation } or DbException { SqlState: PostgresUniqueViolation });

    // libtorch throws one native error type; only its text tells ("CUDA out of memory. Tried to allocate …", "DefaultCPUAllocator: can't allocate memory").
    private static bool IsOutOfMemory(Exception exception) =>
        exception is OutOfMemoryException
        || (exception is ExternalException and not DbException
            && (exception.Message.Contains("out of memory", StringComparison.OrdinalIgnoreCase)
                || exception.Message.Contains("can't allocate memory", StringComparison.OrdinalIgnoreCase)));

    private static bool IsTransientDatabaseError(Exception exception) =>
        exception is DbException database
        && (database.IsTransient || database is SqliteException { SqliteErrorCode: SqliteBusy or SqliteLocked or SqliteInputOutput or SqliteFull });

    private static IEnumerable<Exception> Chain(Exception exception)
    {
        for (Exception? current = exception; current is not null; current = current.InnerException)
        {
            yield return current;
        }
    }
}
