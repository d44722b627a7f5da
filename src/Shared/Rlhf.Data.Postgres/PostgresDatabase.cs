using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Storage;
using Npgsql;

namespace Rlhf.Data.Postgres;

/// <summary>PostgreSQL as the database several processes share.</summary>
public static class PostgresDatabase
{
    // "rlhf" in ASCII, so that other programs on the server hardly use the same.
    private const long MigrationLock = 0x726c6866;

    /// <summary>
    /// Uses PostgreSQL with this assembly's migrations. Failed commands are not repeated here: transactions are explicit,
    /// and whoever owns one (the dispatcher, the bus, the worker) repeats it as a whole.
    /// </summary>
    /// <param name="builder">The options of an <see cref="AppDbContext"/>.</param>
    /// <param name="connectionString">For example "Host=db;Database=rlhf;Username=rlhf;Password=…".</param>
    public static DbContextOptionsBuilder UseRlhfPostgres(this DbContextOptionsBuilder builder, string connectionString) =>
        builder.UseNpgsql(connectionString, postgres => postgres.MigrationsAssembly(typeof(PostgresDatabase).Assembly.GetName().Name));

    /// <summary>
    /// Waits until this context's connection alone migrates the database, which is created if it is not there. EF's own lock covers each migration, not
    /// the look at which are missing, so that one of several processes may find its work half done by another.
    /// </summary>
    /// <param name="db">The context that will migrate; its connection stays open.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>Disposing it lets the next one in; a connection that breaks does too.</returns>
    public static async Task<IAsyncDisposable> TakeMigrationLockAsync(AppDbContext db, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(db);
        var creator = db.GetService<IRelationalDatabaseCreator>();
        if (!await creator.ExistsAsync(cancellationToken))
        {
            try
            {
                await creator.CreateAsync(cancellationToken);
            }
            catch (PostgresException exception) when (exception.SqlState is PostgresErrorCodes.DuplicateDatabase or PostgresErrorCodes.UniqueViolation)
            {
                // Another process has just created it.
            }
        }

        await db.Database.OpenConnectionAsync(cancellationToken);
        await db.Database.ExecuteSqlAsync($"SELECT pg_advisory_lock({MigrationLock})", cancellationToken);
        return new HeldLock(db);
    }

    // Closing alone is not enough: a pooled connection forgets its locks only when it is used again.
    private sealed class HeldLock(AppDbContext db) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            if (db.Database.GetDbConnection().State == System.Data.ConnectionState.Open)
            {
                await db.Database.ExecuteSqlAsync($"SELECT pg_advisory_unlock({MigrationLock})");
            }
        }
    }
}
