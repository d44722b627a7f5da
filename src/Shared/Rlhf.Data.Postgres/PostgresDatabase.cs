using System.Data.Common;
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

    // More than a service has.
    private const int PreparedStatements = 200;

    /// <summary>
    /// Uses PostgreSQL with this assembly's migrations. Failed commands are not repeated here: transactions are explicit,
    /// and whoever owns one (the dispatcher, the bus, the worker) repeats it as a whole.
    /// </summary>
    /// <param name="builder">The options of an <see cref="AppDbContext"/>.</param>
    /// <param name="connectionString">For example "Host=db;Database=rlhf;Username=rlhf;Password=…".</param>
    public static DbContextOptionsBuilder UseRlhfPostgres(this DbContextOptionsBuilder builder, string connectionString) =>
        builder
            .UseNpgsql(connectionString, postgres => postgres.MigrationsAssembly(typeof(PostgresDatabase).Assembly.GetName().Name))
            .AddInterceptors(NulCharacters.Replaced);

    /// <summary>
    /// The connection string of a service, which runs the same few statements all day: the server plans each once per connection, unless the string
    /// says something about <c>Max Auto Prepare</c> itself (0 behind a pooler that hands a connection from one client to the next).
    /// </summary>
    /// <param name="connectionString">As configured.</param>
    public static string WithPreparedStatements(string connectionString)
    {
        var given = new DbConnectionStringBuilder { ConnectionString = connectionString };
        return given.ContainsKey("Max Auto Prepare") || given.ContainsKey("MaxAutoPrepare")
            ? connectionString
            : new NpgsqlConnectionStringBuilder(connectionString) { MaxAutoPrepare = PreparedStatements, AutoPrepareMinUsages = 2 }.ConnectionString;
    }

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
        // On the connection itself: EF's own calls wrap what the server says.
        var connection = db.Database.GetDbConnection();
        try
        {
            await connection.OpenAsync(cancellationToken);
        }
        catch (PostgresException exception) when (exception.SqlState == PostgresErrorCodes.InvalidCatalogName)
        {
            await CreateAsync(db, cancellationToken);
            await connection.OpenAsync(cancellationToken);
        }

        await using var command = connection.CreateCommand();
        command.CommandText = $"SELECT pg_advisory_lock({MigrationLock})";
        await command.ExecuteNonQueryAsync(cancellationToken);
        return new HeldLock(db);
    }

    private static async Task CreateAsync(AppDbContext db, CancellationToken cancellationToken)
    {
        try
        {
            await db.GetService<IRelationalDatabaseCreator>().CreateAsync(cancellationToken);
        }
        catch (PostgresException exception) when (exception.SqlState is PostgresErrorCodes.DuplicateDatabase or PostgresErrorCodes.UniqueViolation)
        {
            // Another process has just created it.
        }
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
