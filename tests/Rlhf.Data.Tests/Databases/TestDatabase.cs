using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using Rlhf.Data.Entities;
using Rlhf.Data.Postgres;
using Rlhf.Data.Sqlite;

namespace Rlhf.Data.Tests.Databases;

/// <summary>An empty, migrated database of its own for one test.</summary>
internal sealed class TestDatabase : IDbContextFactory<AppDbContext>, IAsyncDisposable
{
    private readonly string? _directory;

    private TestDatabase(string provider, string connectionString, string? directory) => (Provider, ConnectionString, _directory) = (provider, connectionString, directory);

    /// <summary>Both providers; tests on a missing server are skipped with the reason.</summary>
    public static TheoryData<string> Providers => ["sqlite", "postgres"];

    public string Provider { get; }

    public string ConnectionString { get; }

    public static async Task<TestDatabase> CreateAsync(string provider, bool migrate = true)
    {
        var database = provider == "sqlite" ? CreateSqlite() : await CreatePostgresAsync();
        if (migrate)
        {
            await using var db = database.CreateDbContext();
            await db.Database.MigrateAsync(TestContext.Current.CancellationToken);
        }

        return database;
    }

    public AppDbContext CreateDbContext()
    {
        var builder = new DbContextOptionsBuilder<AppDbContext>();
        _ = Provider == "sqlite" ? builder.UseRlhfSqlite(ConnectionString) : builder.UseRlhfPostgres(ConnectionString);
        builder.UseIdentityModel();
        return new AppDbContext(builder.Options);
    }

    /// <summary>A project, for rows that need one.</summary>
    public async Task<Project> AddProjectAsync()
    {
        await using var db = CreateDbContext();
        var project = new Project { Name = $"Project {Guid.NewGuid():N}", Slug = $"{Guid.NewGuid():N}", CreatedAt = DateTimeOffset.UtcNow };
        db.Projects.Add(project);
        await db.SaveChangesAsync(TestContext.Current.CancellationToken);
        return project;
    }

    public async ValueTask DisposeAsync()
    {
        if (_directory is not null)
        {
            SqliteConnection.ClearPool(new SqliteConnection(ConnectionString));
            Directory.Delete(_directory, recursive: true);
            return;
        }

        var name = new NpgsqlConnectionStringBuilder(ConnectionString).Database;
        var server = await PostgresServer.GetAsync();
        NpgsqlConnection.ClearPool(new NpgsqlConnection(ConnectionString));
        await ExecuteAsync(server.ConnectionString!, $"DROP DATABASE \"{name}\" WITH (FORCE)");
    }

    private static TestDatabase CreateSqlite()
    {
        var directory = Directory.CreateTempSubdirectory("rlhf-sqlite-").FullName;
        return new TestDatabase("sqlite", $"Data Source={Path.Combine(directory, "test.db")}", directory);
    }

    private static async Task<TestDatabase> CreatePostgresAsync()
    {
        var server = await PostgresServer.GetAsync();
        Assert.SkipWhen(server.ConnectionString is null, server.WhyNot ?? "");
        var name = $"test_{Guid.NewGuid():N}";
        await ExecuteAsync(server.ConnectionString!, $"CREATE DATABASE \"{name}\"");
        return new TestDatabase("postgres", new NpgsqlConnectionStringBuilder(server.ConnectionString) { Database = name, MaxPoolSize = 30 }.ConnectionString, null);
    }

    private static async Task ExecuteAsync(string connectionString, string sql)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }
}
