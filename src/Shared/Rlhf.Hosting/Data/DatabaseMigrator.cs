using System.Data.Common;
using System.Net.Sockets;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using Rlhf.Data;
using Rlhf.Data.Postgres;
using Rlhf.Data.Sqlite;

namespace Rlhf.Hosting;

/// <summary>Brings the database to the schema of this program.</summary>
public sealed partial class DatabaseMigrator(IDbContextFactory<AppDbContext> contexts, TimeProvider time, ILogger<DatabaseMigrator> logger)
{
    /// <summary>How long a server that does not answer yet is waited for.</summary>
    public TimeSpan Patience { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>
    /// Applies the missing migrations. With SQLite the caller holds the lock on the data directory; with PostgreSQL several processes may
    /// migrate at the same time, and a server that is still starting is waited for.
    /// </summary>
    public async Task MigrateAsync(CancellationToken cancellationToken = default)
    {
        var giveUpAt = time.GetUtcNow() + Patience;
        while (true)
        {
            await using var db = await contexts.CreateDbContextAsync(cancellationToken);
            try
            {
                await using var turn = db.IsSqlite() ? null : await PostgresDatabase.TakeMigrationLockAsync(db, cancellationToken);
                if (db.IsSqlite())
                {
                    CreateDirectory(db.Database.GetDbConnection());
                    await SqliteDatabase.ClearStaleMigrationLockAsync(db, cancellationToken);
                }

                await db.Database.MigrateAsync(cancellationToken);
                return;
            }
            catch (Exception exception) when (exception is DbException or SocketException or TimeoutException && !db.IsSqlite() && time.GetUtcNow() < giveUpAt)
            {
                // The server is starting, or another process has just created the same database: both pass.
                Log.Waiting(logger, exception.Message);
                await Task.Delay(TimeSpan.FromSeconds(1), time, cancellationToken);
            }
        }
    }

    private static void CreateDirectory(DbConnection connection)
    {
        var file = new SqliteConnectionStringBuilder(connection.ConnectionString).DataSource;
        if (file is not ("" or ":memory:") && Path.GetDirectoryName(Path.GetFullPath(file)) is { } directory)
        {
            Directory.CreateDirectory(directory);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(EventId = 4001, Level = LogLevel.Warning, Message = "The database cannot be migrated yet and is tried again: {Reason}")]
        public static partial void Waiting(ILogger logger, string reason);
    }
}
