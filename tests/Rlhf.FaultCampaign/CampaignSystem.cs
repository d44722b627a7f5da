using System.Globalization;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using Rlhf.Hosting;
using Rlhf.TestServers;

namespace Rlhf.FaultCampaign;

/// <summary>The whole system as a team runs it: three kinds of services in five processes, a database, a broker, one checkpoint store.</summary>
internal sealed class CampaignSystem : IAsyncDisposable
{
    private readonly PostgresCluster _postgres;
    private readonly TestVirtualHost _virtualHost;
    private readonly string _directory;
    private readonly DiskVolume _disk;
    private readonly string _database;

    private CampaignSystem(string name, string directory, PostgresCluster postgres, RabbitMqServer broker, TestVirtualHost virtualHost, DiskVolume disk)
    {
        (_postgres, _virtualHost, _directory, _disk, _database) = (postgres, virtualHost, Directory.CreateDirectory(directory).FullName, disk, "campaign_" + name);
        Broker = broker;
        ConnectionString = new NpgsqlConnectionStringBuilder(postgres.ConnectionString) { Database = _database }.ConnectionString;
        Contexts = new Contexts(ConnectionString);
        DatabaseNetwork = new TcpProxy(new NpgsqlConnectionStringBuilder(ConnectionString).Port);
        BrokerNetwork = new TcpProxy(virtualHost.Uri.Port);
        Replayer = new MessageReplayer(virtualHost.Uri);
        Storage = new StorageOptions
        {
            DataDirectory = Path.Combine(disk.Path, name),
            CheckpointDirectory = Path.Combine(disk.Path, name, "checkpoints"),

            // The file system is smaller than what is kept free of a real one.
            MinimumFreeBytes = 1 << 20,
        };
        Web = Service("web", "Labeling.Web");
        Trainers = [Service("trainer-1", "Trainer.Service"), Service("trainer-2", "Trainer.Service")];
        RewardModel = Service("reward-model-1", "RewardModel.Service");
    }

    public ServiceProcess Web { get; }

    public IReadOnlyList<ServiceProcess> Trainers { get; }

    public ServiceProcess RewardModel { get; }

    public IReadOnlyList<ServiceProcess> Workers => [.. Trainers, RewardModel];

    public IReadOnlyList<ServiceProcess> Services => [Web, .. Workers];

    public Dictionary<string, FakeClock> Clocks { get; } = [];

    public PostgresCluster Database => _postgres;

    public RabbitMqServer Broker { get; }

    public TcpProxy DatabaseNetwork { get; }

    public TcpProxy BrokerNetwork { get; }

    public DiskVolume Disk => _disk;

    public MessageReplayer Replayer { get; }

    public Contexts Contexts { get; }

    /// <summary>To the database directly, past the network that is cut.</summary>
    public string ConnectionString { get; }

    public StorageOptions Storage { get; }

    /// <summary>Makes the database and the virtual host, starts the services and waits until they are ready.</summary>
    public static async Task<CampaignSystem> StartAsync(
        string name, string directory, PostgresCluster postgres, RabbitMqServer broker, DiskVolume disk, CancellationToken cancellationToken)
    {
        var system = new CampaignSystem(name, directory, postgres, broker, await broker.CreateVirtualHostAsync(), disk);
        try
        {
            // Not from the pool: what lies there may be connections to a server that was killed.
            await using (var connection = new NpgsqlConnection(postgres.ConnectionString + ";Pooling=false"))
            {
                await connection.OpenAsync(cancellationToken);
                await using var create = new NpgsqlCommand($"CREATE DATABASE {system._database}", connection);
                await create.ExecuteNonQueryAsync(cancellationToken);
            }

            await using (var db = system.Contexts.CreateDbContext())
            {
                await db.Database.MigrateAsync(cancellationToken);
                await Audit.InstallAsync(db);
            }

            await system.Replayer.BindAsync();
            foreach (var service in system.Services)
            {
                service.Start();
            }

            foreach (var service in system.Services)
            {
                await service.WaitUntilReadyAsync(cancellationToken);
            }

            return system;
        }
        catch
        {
            await system.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var service in Services)
        {
            await service.DisposeAsync();
        }

        await DatabaseNetwork.DisposeAsync();
        await BrokerNetwork.DisposeAsync();
        await _virtualHost.DisposeAsync();
    }

    private ServiceProcess Service(string name, string project)
    {
        var clock = new FakeClock(Path.Combine(_directory, name + ".clock"));
        Clocks[name] = clock;
        return new ServiceProcess(name, project, _directory, TcpProxy.FreePort(), incarnation => Environment(name, incarnation).Concat(clock.Environment));
    }

    private IEnumerable<KeyValuePair<string, string>> Environment(string name, string incarnation)
    {
        // Leases, polls and retries are short, so that minutes of a real system's life pass in seconds.
        var settings = _virtualHost.Settings.Where(s => s.Key != "Messaging:RabbitMq:Port").Select(s => KeyValuePair.Create(s.Key, s.Value!)).Concat(
        [
            new("Messaging:RabbitMq:Port", BrokerNetwork.Port.ToString(CultureInfo.InvariantCulture)),
            new("Messaging:PollInterval", "00:00:00.200"),
            new("Messaging:RedeliverAfter", "00:00:05"),
            new("Messaging:RetryDelay", "00:00:00.200"),
            new("Messaging:MaxAttempts", "100"),
            new("Database:Provider", "postgres"),
            new("Database:ConnectionString", new NpgsqlConnectionStringBuilder(ConnectionString)
            {
                Port = DatabaseNetwork.Port, ApplicationName = incarnation, Timeout = 5, CommandTimeout = 10,
            }.ConnectionString),

            // A machine of its own has its own data; the checkpoint store and the state of runs are on storage that all see.
            new("Storage:DataDirectory", Path.Combine(Storage.DataPath, name)),
            new("Storage:CheckpointDirectory", Storage.CheckpointPath),
            new("Storage:StateDirectory", Path.Combine(Storage.DataPath, "states")),
            new("Storage:MinimumFreeBytes", Storage.MinimumFreeBytes.ToString(CultureInfo.InvariantCulture)),
            new("OMP_NUM_THREADS", "1"),
        ]);
        if (name != "web")
        {
            settings = settings.Concat(
            [
                new("Runs:LeaseDuration", "00:00:03"),
                new("Runs:HeartbeatInterval", "00:00:00.500"),
                new("Runs:PollInterval", "00:00:00.100"),
                new("Runs:MaxAttempts", "100"),
                new("Runs:RetryDelay", "00:00:00.500"),
                new("Runs:MaxRetryDelay", "00:00:02"),

                // Each stands for a machine, and so for a device.
                new("Runs:Device", name),
                new("Planner:SweepAfter", "00:00:05"),
                new("Planner:SweepInterval", "00:00:05"),
            ]);
        }

        return settings.Select(s => KeyValuePair.Create(s.Key.Replace(":", "__", StringComparison.Ordinal), s.Value));
    }
}
