using Microsoft.EntityFrameworkCore;

namespace Rlhf.Data.Sqlite;

/// <summary>SQLite as the database of one process.</summary>
public static class SqliteDatabase
{
    private static readonly SqlitePragmas s_pragmas = new();

    /// <summary>Uses SQLite with this assembly's migrations.</summary>
    /// <param name="builder">The options of an <see cref="AppDbContext"/>.</param>
    /// <param name="connectionString">For example "Data Source=rlhf.db".</param>
    public static DbContextOptionsBuilder UseRlhfSqlite(this DbContextOptionsBuilder builder, string connectionString) =>
        builder
            .UseSqlite(connectionString, sqlite => sqlite.MigrationsAssembly(typeof(SqliteDatabase).Assembly.GetName().Name))
            .AddInterceptors(s_pragmas, NulCharacters.Replaced);

    /// <summary>
    /// Removes what a process that died while it migrated left behind: without this the next migration waits for ever.
    /// The caller must hold the lock on the data directory, so that no other process is migrating.
    /// </summary>
    public static async Task ClearStaleMigrationLockAsync(AppDbContext db, CancellationToken cancellationToken = default)
    {
        var tables = await db.Database
            .SqlQuery<int>($"SELECT COUNT(*) AS Value FROM sqlite_master WHERE type = 'table' AND name = '__EFMigrationsLock'")
            .SingleAsync(cancellationToken);
        if (tables > 0)
        {
            await db.Database.ExecuteSqlAsync($"DELETE FROM __EFMigrationsLock", cancellationToken);
        }
    }
}
