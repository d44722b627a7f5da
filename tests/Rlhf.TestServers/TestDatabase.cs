using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using Rlhf.Data;
using Rlhf.Data.Entities;
using Rlhf.Data.Postgres;
using Rlhf.Data.Sqlite;

namespace Rlhf.TestServers;

/// <summary>A database of its own for one test: a copy of one that was migrated once per process.</summary>
public sealed class TestDatabase : IDbContextFactory<AppDbContext>, IAsyncDisposable
{
    private static readonly Lazy<Task<string>> s_sqliteTemplate = new(MigrateSqliteTemplateAsync);
    private static readonly Lazy<Task<string>> s_postgresTemplate = new(MigratePostgresTemplateAsync);
    private readonly string? _directory;

    private TestDatabase(string provider, string connectionString, string? directory) => (Provider, ConnectionString, _directory) = (provider, connectionString, directory);

    /// <summary>Both providers; tests on a missing server are skipped with the reason.</summary>
    public static TheoryData<string> Providers => ["sqlite", "postgres"];

    /// <summary>"sqlite" or "postgres".</summary>
    public string Provider { get; }

    /// <summary>Connects to it.</summary>
    public string ConnectionString { get; }

    /// <summary>Section "Database" of a process that uses it.</summary>
    public IEnumerable<KeyValuePair<string, string?>> Settings => [new("Database:Provider", Provider), new("Database:ConnectionString", ConnectionString)];

    /// <summary>Makes one.</summary>
    /// <param name="provider">"sqlite" or "postgres".</param>
    /// <param name="migrate">Whether it has its tables; without them it is empty.</param>
    public static Task<TestDatabase> CreateAsync(string provider, bool migrate = true) =>
        provider == "sqlite" ? CreateSqliteAsync(migrate) : CreatePostgresAsync(migrate);

    /// <inheritdoc/>
    public AppDbContext CreateDbContext() => CreateDbContext(Provider, ConnectionString);

    /// <summary>A project, for rows that need one.</summary>
    public async Task<Project> AddProjectAsync()
    {
        await using var db = CreateDbContext();
        var project = new Project { Name = $"Project {Guid.NewGuid():N}", Slug = $"{Guid.NewGuid():N}", CreatedAt = DateTimeOffset.UtcNow };
        db.Projects.Add(project);
        await db.SaveChangesAsync(TestContext.Current.CancellationToken);
        return project;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_directory is not null)
        {
            SqliteConnection.ClearPool(new SqliteConnection(ConnectionString));
            Directory.Delete(_directory, recursive: true);
            return;
        }

        var name = new NpgsqlConnectionStringBuilder(ConnectionString).Database;
        NpgsqlConnection.ClearPool(new NpgsqlConnection(ConnectionString));
        await ExecuteAsync((await PostgresServer.GetAsync()).ConnectionString, $"DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)");
    }

    private static AppDbContext CreateDbContext(string provider, string connectionString)
    {
        var builder = new DbContextOptionsBuilder<AppDbContext>();
        _ = provider == "sqlite" ? builder.UseRlhfSqlite(connectionString) : builder.UseRlhfPostgres(connectionString);
        builder.UseIdentityModel();
        return new AppDbContext(builder.Options);
    }

    private static async Task<TestDatabase> CreateSqliteAsync(bool migrate)
    {
        var directory = Directory.CreateTempSubdirectory("rlhf-sqlite-").FullName;
        var file = Path.Combine(directory, "test.db");
        if (migrate)
        {
            File.Copy(await s_sqliteTemplate.Value, file);
        }

        return new TestDatabase("sqlite", $"Data Source={file}", directory);
    }

    private static async Task<TestDatabase> CreatePostgresAsync(bool migrate)
    {
        var server = (await PostgresServer.GetAsync()).ConnectionString;
        var name = $"test_{Guid.NewGuid():N}";
        await ExecuteAsync(server, migrate ? $"CREATE DATABASE \"{name}\" TEMPLATE \"{await s_postgresTemplate.Value}\"" : $"CREATE DATABASE \"{name}\"");
        return new TestDatabase("postgres", new NpgsqlConnectionStringBuilder(server) { Database = name, MaxPoolSize = 30 }.ConnectionString, null);
    }

    private static async Task<string> MigrateSqliteTemplateAsync()
    {
        var directory = Directory.CreateTempSubdirectory("rlhf-sqlite-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(directory, recursive: true);
        var file = Path.Combine(directory, "template.db");
        await using var db = CreateDbContext("sqlite", $"Data Source={file}");
        await db.Database.MigrateAsync();

        // Closing the last connection moves the write-ahead log into the file.
        SqliteConnection.ClearPool((SqliteConnection)db.Database.GetDbConnection());
        return file;
    }

    private static async Task<string> MigratePostgresTemplateAsync()
    {
        var server = (await PostgresServer.GetAsync()).ConnectionString;
        var name = $"template_{Guid.NewGuid():N}";
        await ExecuteAsync(server, $"CREATE DATABASE \"{name}\"");
        var connectionString = new NpgsqlConnectionStringBuilder(server) { Database = name, Pooling = false }.ConnectionString;
        await using var db = CreateDbContext("postgres", connectionString);
        await db.Database.MigrateAsync();
        AppDomain.CurrentDomain.ProcessExit += (_, _) => DropTemplate(server, name);
        return name;
    }

    // A server that outlives the tests (RLHF_TEST_POSTGRES) keeps no template; one that ends with them may be gone already.
    private static void DropTemplate(string server, string name)
    {
        try
        {
            using var connection = new NpgsqlConnection(server);
            connection.Open();
            using var command = new NpgsqlCommand($"DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)", connection);
            command.ExecuteNonQuery();
        }
        catch (NpgsqlException)
        {
            // Nothing is left to drop.
        }
    }

    private static async Task ExecuteAsync(string connectionString, string sql)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }
}
