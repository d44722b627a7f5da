using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Npgsql;

namespace Rlhf.Data.Tests.Databases;

/// <summary>
/// A PostgreSQL server for the tests of this process: <c>RLHF_TEST_POSTGRES</c> (a connection string) if set, else installed binaries on a free port
/// and a temporary directory. It hangs on a pipe from this process and ends with it, however that ends.
/// </summary>
internal sealed class PostgresServer
{
    private const string Password = "test";
    private static readonly Lazy<Task<PostgresServer>> s_instance = new(StartAsync);
    private Process? _shell;

    private PostgresServer(string? connectionString, string? whyNot)
    {
        ConnectionString = connectionString;
        WhyNot = whyNot;
    }

    /// <summary>Connects to the maintenance database; null where there is no server.</summary>
    public string? ConnectionString { get; }

    public string? WhyNot { get; }

    public static Task<PostgresServer> GetAsync() => s_instance.Value;

    private static async Task<PostgresServer> StartAsync()
    {
        if (Environment.GetEnvironmentVariable("RLHF_TEST_POSTGRES") is { Length: > 0 } given)
        {
            return new PostgresServer(given, null);
        }

        var binaries = Directory.Exists("/usr/lib/postgresql")
            ? Directory.GetDirectories("/usr/lib/postgresql").Select(d => Path.Combine(d, "bin")).Where(d => File.Exists(Path.Combine(d, "initdb"))).Order(StringComparer.Ordinal).LastOrDefault()
            : null;
        return binaries is null
            ? new PostgresServer(null, "no PostgreSQL: set RLHF_TEST_POSTGRES to a connection string, or install postgresql")
            : await StartAsync(binaries);
    }

    private static async Task<PostgresServer> StartAsync(string binaries)
    {
        var directory = Directory.CreateTempSubdirectory("rlhf-postgres-").FullName;
        var port = FreePort();
        var script = $$"""
            set -e
            d={{directory}}
            as=
            if [ "$(id -u)" = 0 ]; then as="setpriv --reuid=postgres --regid=postgres --init-groups"; chown postgres "$d"; fi
            echo {{Password}} | $as tee "$d/password" >/dev/null
            cd "$d"
            $as {{binaries}}/initdb -D "$d/data" -U test --pwfile="$d/password" -A scram-sha-256 -E UTF8 --locale=C.UTF-8 --no-sync >"$d.log" 2>&1
            $as {{binaries}}/postgres -D "$d/data" -p {{port}} -h 127.0.0.1 -k "$d" -c fsync=off -c max_connections=200 </dev/null >>"$d.log" 2>&1 &
            server=$!
            read _ || true
            kill -INT $server
            wait $server || true
            rm -rf "$d" "$d.log"
            """;
        var start = new ProcessStartInfo("bash") { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add(script);
        var server = new PostgresServer($"Host=127.0.0.1;Port={port};Username=test;Password={Password};Database=postgres", null) { _shell = Process.Start(start) };
        AppDomain.CurrentDomain.ProcessExit += (_, _) => server.Stop();

        var waited = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                await using var connection = new NpgsqlConnection(server.ConnectionString);
                await connection.OpenAsync();
                return server;
            }
            catch (NpgsqlException) when (waited.Elapsed < TimeSpan.FromSeconds(60) && !server._shell!.HasExited)
            {
                await Task.Delay(50);
            }
        }
    }

    private void Stop()
    {
        _shell!.StandardInput.Close();
        _shell.WaitForExit(10_000);
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
