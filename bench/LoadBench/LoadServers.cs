using Microsoft.EntityFrameworkCore;
using Npgsql;
using Rlhf.FaultCampaign;
using Rlhf.TestServers;

namespace LoadBench;

/// <summary>PostgreSQL with durable commits, RabbitMQ, the site and, if asked, a trainer, each in a process of its own.</summary>
internal sealed class LoadServers : IAsyncDisposable
{
    private readonly PostgresCluster _postgres;
    private readonly RabbitMqServer _broker;
    private readonly List<ServiceProcess> _services = [];

    private LoadServers(PostgresCluster postgres, RabbitMqServer broker)
    {
        (_postgres, _broker) = (postgres, broker);
        ConnectionString = new NpgsqlConnectionStringBuilder(postgres.ConnectionString) { Database = "load" }.ConnectionString;
        Contexts = new Contexts(ConnectionString);
    }

    public ServiceProcess Web => _services[0];

    public string ConnectionString { get; }

    public Contexts Contexts { get; }

    public static async Task<LoadServers> StartAsync(string directory, bool withTrainer, CancellationToken stop)
    {
        var servers = new LoadServers(await PostgresCluster.CreateAsync(isDurable: true), await RabbitMqServer.CreateAsync());
        try
        {
            await Task.WhenAll(servers._postgres.StartAsync(), servers._broker.StartAsync());
            await using (var connection = new NpgsqlConnection(servers._postgres.ConnectionString))
            {
                await connection.OpenAsync(stop);
                await using var create = new NpgsqlCommand("CREATE DATABASE load", connection);
                await create.ExecuteNonQueryAsync(stop);
            }

            await using (var db = servers.Contexts.CreateDbContext())
            {
                await db.Database.MigrateAsync(stop);
            }

            // Somebody must want the messages: a broker drops what no queue is bound for.
            var virtualHost = await servers._broker.CreateVirtualHostAsync();
            await new MessageReplayer(virtualHost.Uri).BindAsync();
            servers.Add("web", "Labeling.Web", directory, virtualHost);
            if (withTrainer)
            {
                servers.Add("trainer", "Trainer.Service", directory, virtualHost);
            }

            foreach (var service in servers._services)
            {
                service.Start();
                await service.WaitUntilReadyAsync(stop);
            }

            return servers;
        }
        catch
        {
            await servers.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var service in _services)
        {
            await service.DisposeAsync();
        }

        await _broker.DisposeAsync();
        await _postgres.DisposeAsync();
    }

    private void Add(string name, string project, string directory, TestVirtualHost virtualHost)
    {
        var settings = virtualHost.Settings.Concat(
        [
            new("Database:Provider", "postgres"),
            new("Database:ConnectionString", $"{ConnectionString};Application Name={name}"),
            new("Storage:DataDirectory", Path.Combine(directory, name)),
            new("Storage:CheckpointDirectory", Path.Combine(directory, "checkpoints")),
        ]).Select(s => KeyValuePair.Create(s.Key.Replace(":", "__", StringComparison.Ordinal), s.Value!)).ToList();
        _services.Add(new ServiceProcess(name, project, directory, TcpProxy.FreePort(), _ => settings));
    }
}
