using Npgsql;

namespace Rlhf.TestServers;

/// <summary>
/// The PostgreSQL server of this test process: <c>RLHF_TEST_POSTGRES</c> (a connection string whose user may create databases) if set, else installed
/// binaries on a free port and in a temporary folder, else a container where the build has them.
/// </summary>
public sealed class PostgresServer
{
    private const string User = "postgres";
    private static readonly Lazy<Task<PostgresServer>> s_instance = new(StartAsync);
    private readonly string? _connectionString;
    private readonly string _whyNot;

    private PostgresServer(string? connectionString, string whyNot = "") => (_connectionString, _whyNot) = (connectionString, whyNot);

    /// <summary>Connects to the maintenance database. Skips the test, with the reason, where there is no server.</summary>
    public string ConnectionString
    {
        get
        {
            Assert.SkipWhen(_connectionString is null, _whyNot);
            return _connectionString!;
        }
    }

    /// <summary>The server; started by the first test that asks.</summary>
    public static Task<PostgresServer> GetAsync() => s_instance.Value;

    private static async Task<PostgresServer> StartAsync()
    {
        if (Environment.GetEnvironmentVariable("RLHF_TEST_POSTGRES") is { Length: > 0 } given)
        {
            return new PostgresServer(given);
        }

        if (DebianPackages.PostgresBinaries is { } binaries)
        {
            return await StartAsync(binaries);
        }

#if TESTCONTAINERS
        return new PostgresServer(await Containers.PostgresContainer.StartAsync());
#else
        return new PostgresServer(null, "no PostgreSQL: set RLHF_TEST_POSTGRES to a connection string, or install postgresql");
#endif
    }

    private static async Task<PostgresServer> StartAsync(string binaries)
    {
        var directory = await ServerProcess.CreateDirectoryAsync("rlhf-postgres-", User);
        var port = ServerProcess.FreePort();
        await ServerProcess.RunAsync(
            directory, User, Path.Combine(binaries, "initdb"), "-D", "data", "-U", "test", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync");

        // Tests lose their data with the machine's power; with a killed process they do not.
        var server = await ServerProcess.StartAsync(
            directory, User, "INT", removeDirectory: true, new Dictionary<string, string>(),
            Path.Combine(binaries, "postgres"), "-D", "data", "-p", $"{port}", "-h", "127.0.0.1", "-k", directory,
            "-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off", "-c", "max_connections=300");
        var connectionString = $"Host=127.0.0.1;Port={port};Username=test;Database=postgres";
        await server.WaitUntilReadyAsync(async () =>
        {
            await using var connection = new NpgsqlConnection(connectionString);
            await connection.OpenAsync();
        });
        return new PostgresServer(connectionString);
    }
}
