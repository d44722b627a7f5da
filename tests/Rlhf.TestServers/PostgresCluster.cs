using Npgsql;

namespace Rlhf.TestServers;

/// <summary>A PostgreSQL server of the test's own, that it may kill and start again on the same port and data.</summary>
public sealed class PostgresCluster : IAsyncDisposable
{
    private const string User = "postgres";
    private readonly string _directory;
    private readonly int _port = ServerProcess.FreePort();
    private readonly bool _isDurable;
    private ServerProcess? _server;

    private PostgresCluster(string directory, bool isDurable) => (_directory, _isDurable) = (directory, isDurable);

    /// <summary>Connects to the maintenance database; the user may create databases.</summary>
    public string ConnectionString => $"Host=127.0.0.1;Port={_port};Username=test;Database=postgres";

    /// <summary>Makes the data directory; the server is not started yet. Skips the test where there are no installed binaries.</summary>
    /// <param name="isDurable">
    /// Whether a commit waits for the disk, as in production. Without, a commit survives the death of every process, but not that of the machine.
    /// </param>
    public static async Task<PostgresCluster> CreateAsync(bool isDurable = false)
    {
        Assert.SkipWhen(DebianPackages.PostgresBinaries is null, "no PostgreSQL to stop and start: install postgresql");
        var directory = await ServerProcess.CreateDirectoryAsync("rlhf-postgres-", User);
        await ServerProcess.RunAsync(
            directory, User, Path.Combine(DebianPackages.PostgresBinaries!, "initdb"), "-D", "data", "-U", "test", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync");
        return new PostgresCluster(directory, isDurable);
    }

    /// <summary>Starts the server, the first time or again, and waits until it answers.</summary>
    public async Task StartAsync()
    {
        var durability = _isDurable ? "on" : "off";
        for (var attempt = 1; ; attempt++)
        {
            _server = await ServerProcess.StartAsync(
                _directory, User, "INT", removeDirectory: true, new Dictionary<string, string>(),
                Path.Combine(DebianPackages.PostgresBinaries!, "postgres"), "-D", "data", "-p", $"{_port}", "-h", "127.0.0.1", "-k", _directory,
                "-c", $"fsync={durability}", "-c", $"full_page_writes={durability}", "-c", "max_connections=300");
            try
            {
                await _server.WaitUntilReadyAsync(async () =>
                {
                    // Not from the pool: its connections were those to the server that was killed.
                    await using var connection = new NpgsqlConnection(ConnectionString + ";Pooling=false");
                    await connection.OpenAsync();
                });
                return;
            }
            catch (IOException) when (attempt < 20)
            {
                // Backends of the server that was killed still hold its shared memory; they notice within moments.
                await KillAsync();
                await Task.Delay(100);
            }
        }
    }

    /// <summary>Ends the server as a crash does (SIGKILL of the postmaster); its backends notice and end.</summary>
    public async Task KillAsync()
    {
        await _server!.KillAsync();
        _server = null;
    }

    /// <summary>Ends the server and removes its data.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }

        if (Directory.Exists(_directory))
        {
            Directory.Delete(_directory, recursive: true);
        }
    }
}
