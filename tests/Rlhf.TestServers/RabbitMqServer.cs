using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Rlhf.TestServers;

/// <summary>
/// A RabbitMQ broker. The one all tests of this process share comes from <c>RLHF_TEST_RABBITMQ</c> (an amqp URI; the management API is expected at
/// <c>RLHF_TEST_RABBITMQ_MANAGEMENT</c>, else on port 15672 of the same host) if set, else from installed binaries on free ports and in a temporary
/// folder, else from a container where the build has them. A test that kills its broker makes one of its own.
/// </summary>
public sealed class RabbitMqServer : IAsyncDisposable
{
    private const string User = "rabbitmq";
    private const string Account = "test";
    private static readonly Lazy<Task<RabbitMqServer>> s_shared = new(StartSharedAsync);
    private readonly string _whyNot;
    private readonly RabbitMqManagement? _management;
    private readonly string? _directory;
    private readonly int _distributionPort = ServerProcess.FreePort();
    private readonly int _epmdPort = ServerProcess.FreePort();
    private ServerProcess? _epmd;
    private ServerProcess? _broker;

    private RabbitMqServer(Uri? uri, RabbitMqManagement? management, string? directory = null, string whyNot = "")
    {
        (Uri, _management, _directory, _whyNot) = (uri!, management, directory, whyNot);
    }

    /// <summary>amqp URI with user and password.</summary>
    public Uri Uri { get; }

    /// <summary>Section "Messaging" of a process that uses its default virtual host: for a broker of the test's own, which may not have started yet.</summary>
    public IEnumerable<KeyValuePair<string, string?>> Settings => TestVirtualHost.SettingsOf(Uri, "/");

    /// <summary>The broker the tests of this process share, started by the first one that asks. Skips the test, with the reason, where there is none.</summary>
    public static async Task<RabbitMqServer> GetAsync()
    {
        var server = await s_shared.Value;
        Assert.SkipWhen(server._management is null, server._whyNot);
        return server;
    }

    /// <summary>A broker of the test's own that it may stop and start; not started yet. Skips the test where there are no installed binaries.</summary>
    public static async Task<RabbitMqServer> CreateAsync()
    {
        Assert.SkipWhen(DebianPackages.RabbitMqBinaries is null, "no RabbitMQ to stop and start: install rabbitmq-server");
        return await CreatePrivateAsync();
    }

    /// <summary>Starts a broker of the test's own, the first time or again on the same port and data, and waits until it answers.</summary>
    public async Task StartAsync()
    {
        var directory = _directory ?? throw new InvalidOperationException("This broker is not the test's own.");

        // Started by us: the broker would start one that outlives it.
        _epmd ??= await ServerProcess.StartAsync(
            directory, User, "TERM", removeDirectory: false,
            new Dictionary<string, string> { ["ERL_EPMD_PORT"] = Text(_epmdPort), ["ERL_EPMD_ADDRESS"] = "127.0.0.1" },
            "epmd");
        await _epmd.WaitUntilReadyAsync(async () =>
        {
            using var client = new TcpClient();
            await client.ConnectAsync("127.0.0.1", _epmdPort);
        });

        // Its data goes with it, so it need not stop properly, which takes seconds.
        _broker = await ServerProcess.StartAsync(
            directory, User, "KILL", removeDirectory: true, Environment(directory), Path.Combine(DebianPackages.RabbitMqBinaries!, "rabbitmq-server"));
        await _broker.WaitUntilReadyAsync(async () =>
        {
            using var client = new TcpClient();
            await client.ConnectAsync("127.0.0.1", Uri.Port);
            await _management!.GetAsync("overview");
        });
    }

    /// <summary>
    /// Waits until a crash of a broker of the test's own leaves it this quorum queue. RabbitMQ 3.10 answers a declaration, and confirms messages, seconds
    /// before the queue's name is written (to Mnesia's log and, later, Ra's directory names.dets): killed in between, it comes back without the queue, or with
    /// one that has no leader.
    /// </summary>
    public Task WaitUntilOnDiskAsync(string quorumQueue)
    {
        var directory = _directory ?? throw new InvalidOperationException("This broker is not the test's own.");
        return Eventually.TrueAsync(
            async () => await IsInAsync(directory, quorumQueue, "LATEST.LOG", "rabbit_durable_queue.DC*") && await IsInAsync(directory, quorumQueue, "names.dets"),
            $"the broker has queue '{quorumQueue}' on disk");
    }

    /// <summary>Ends a broker of the test's own as a crash does; <see cref="StartAsync"/> starts it again with what it had on disk.</summary>
    public async Task KillAsync()
    {
        await _broker!.KillAsync();
        _broker = null;
    }

    /// <summary>A virtual host of its own for one test: no queue or exchange of another test is visible in it.</summary>
    public async Task<TestVirtualHost> CreateVirtualHostAsync()
    {
        var name = $"test-{Guid.NewGuid():N}";
        await _management!.PutAsync($"vhosts/{name}", new { });
        await _management.PutAsync($"permissions/{name}/{System.Uri.EscapeDataString(UserOf(Uri))}", new { configure = ".*", write = ".*", read = ".*" });
        return new TestVirtualHost(Uri, name, _management);
    }

    /// <summary>Ends a broker of the test's own.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var process in (ServerProcess?[])[_broker, _epmd])
        {
            if (process is not null)
            {
                await process.DisposeAsync();
            }
        }

        _management?.Dispose();

        // A broker that was killed last has left its folder.
        if (_directory is not null && Directory.Exists(_directory))
        {
            Directory.Delete(_directory, recursive: true);
        }
    }

    internal static string UserOf(Uri uri) => System.Uri.UnescapeDataString(uri.UserInfo.Split(':')[0]);

    internal static string PasswordOf(Uri uri) => System.Uri.UnescapeDataString(uri.UserInfo.Split(':', 2)[^1]);

    private static async Task<RabbitMqServer> StartSharedAsync()
    {
        if (System.Environment.GetEnvironmentVariable("RLHF_TEST_RABBITMQ") is { Length: > 0 } given)
        {
            var management = System.Environment.GetEnvironmentVariable("RLHF_TEST_RABBITMQ_MANAGEMENT");
            return await ConnectAsync(new Uri(given), new Uri(management is { Length: > 0 } ? management : $"http://{new Uri(given).Host}:15672"));
        }

        if (DebianPackages.RabbitMqBinaries is not null)
        {
            var server = await CreatePrivateAsync();
            await server.StartAsync();
            return server;
        }

#if TESTCONTAINERS
        var (uri, api) = await Containers.RabbitMqContainer.StartAsync();
        return await ConnectAsync(uri, api);
#else
        return new RabbitMqServer(null, null, whyNot: "no RabbitMQ: set RLHF_TEST_RABBITMQ to an amqp URI, or install rabbitmq-server");
#endif
    }

    private static async Task<RabbitMqServer> ConnectAsync(Uri uri, Uri managementUri)
    {
        var management = new RabbitMqManagement(managementUri, UserOf(uri), PasswordOf(uri));
        try
        {
            await management.GetAsync("overview");
            return new RabbitMqServer(uri, management);
        }
        catch (HttpRequestException exception)
        {
            management.Dispose();
            return new RabbitMqServer(null, null, whyNot: $"RLHF_TEST_RABBITMQ is set, but its management API at {managementUri} does not answer ({exception.Message}); tests make their virtual hosts with it");
        }
    }

    private static async Task<RabbitMqServer> CreatePrivateAsync()
    {
        var directory = await ServerProcess.CreateDirectoryAsync("rlhf-rabbitmq-", User);
        var port = ServerProcess.FreePort();
        var managementPort = ServerProcess.FreePort();
        await File.WriteAllTextAsync(
            Path.Combine(directory, "rabbitmq.conf"),
            $"""
            default_user = {Account}
            default_pass = {Account}
            loopback_users = none
            listeners.tcp.default = 127.0.0.1:{port}
            management.tcp.ip = 127.0.0.1
            management.tcp.port = {managementPort}
            disk_free_limit.absolute = 50MB

            """);
        await File.WriteAllTextAsync(Path.Combine(directory, "enabled_plugins"), "[rabbitmq_management].");
        return new RabbitMqServer(
            new Uri($"amqp://{Account}:{Account}@127.0.0.1:{port}"),
            new RabbitMqManagement(new Uri($"http://127.0.0.1:{managementPort}"), Account, Account),
            directory);
    }

    // Everything of its own, nothing of the distribution's broker; every port on loopback.
    private Dictionary<string, string> Environment(string directory) => new()
    {
        ["HOME"] = directory,
        ["LANG"] = "C.UTF-8",
        ["ERL_EPMD_PORT"] = Text(_epmdPort),
        ["ERL_EPMD_ADDRESS"] = "127.0.0.1",
        ["RABBITMQ_NODENAME"] = $"test{Uri.Port}@localhost",
        ["RABBITMQ_DIST_PORT"] = Text(_distributionPort),
        ["RABBITMQ_MNESIA_BASE"] = directory,
        ["RABBITMQ_LOG_BASE"] = directory,
        ["RABBITMQ_CONFIG_FILE"] = Path.Combine(directory, "rabbitmq"),
        ["RABBITMQ_ENABLED_PLUGINS_FILE"] = Path.Combine(directory, "enabled_plugins"),
        ["RABBITMQ_CONF_ENV_FILE"] = Path.Combine(directory, "none"),

        // +sbwt none: idle schedulers sleep instead of spinning on a machine that is busy with tests.
        ["RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"] = "-kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none",
    };

    private static async Task<bool> IsInAsync(string directory, string queue, params string[] patterns)
    {
        foreach (var file in patterns.SelectMany(pattern => Directory.GetFiles(directory, pattern, SearchOption.AllDirectories)))
        {
            try
            {
                if (Encoding.Latin1.GetString(await File.ReadAllBytesAsync(file)).Contains(queue, StringComparison.Ordinal))
                {
                    return true;
                }
            }
            catch (IOException)
            {
                // The broker has renamed it since.
            }
        }

        return false;
    }

    private static string Text(int port) => port.ToString(CultureInfo.InvariantCulture);
}
