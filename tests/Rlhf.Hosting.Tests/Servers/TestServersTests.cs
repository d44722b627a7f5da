using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;
using Rlhf.TestServers;

namespace Rlhf.Hosting.Tests.Servers;

/// <summary>What the other tests take for granted of their servers.</summary>
public sealed class TestServersTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task VirtualHosts_OfTwoTests_DoNotSeeEachOther()
    {
        var server = await RabbitMqServer.GetAsync();
        await using var first = await server.CreateVirtualHostAsync();
        await using var second = await server.CreateVirtualHostAsync();
        await using (var connection = await new ConnectionFactory { Uri = first.Uri }.CreateConnectionAsync(Cancelled))
        await using (var channel = await connection.CreateChannelAsync(cancellationToken: Cancelled))
        {
            await channel.QueueDeclareAsync("mine", durable: true, exclusive: false, autoDelete: false, cancellationToken: Cancelled);
        }

        Assert.Equal(["mine"], await first.QueuesAsync());
        Assert.Empty(await second.QueuesAsync());
    }

    [Fact]
    public async Task Broker_KilledAndStarted_KeepsItsDurableMessages()
    {
        await using var server = await RabbitMqServer.CreateAsync();
        await server.StartAsync();
        await using var host = await server.CreateVirtualHostAsync();
        await using (var connection = await new ConnectionFactory { Uri = host.Uri }.CreateConnectionAsync(Cancelled))
        await using (var channel = await connection.CreateChannelAsync(new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true), Cancelled))
        {
            await channel.QueueDeclareAsync(
                "kept", durable: true, exclusive: false, autoDelete: false, new Dictionary<string, object?> { ["x-queue-type"] = "quorum" }, cancellationToken: Cancelled);
            await channel.BasicPublishAsync("", "kept", mandatory: true, new BasicProperties { Persistent = true }, new byte[] { 1 }, Cancelled);
            await server.WaitUntilOnDiskAsync("kept");
            await server.KillAsync();
        }

        await Assert.ThrowsAsync<BrokerUnreachableException>(() => new ConnectionFactory { Uri = host.Uri }.CreateConnectionAsync(Cancelled));
        await server.StartAsync();

        await using var again = await new ConnectionFactory { Uri = host.Uri }.CreateConnectionAsync(Cancelled);
        await using var reader = await again.CreateChannelAsync(cancellationToken: Cancelled);
        Assert.Equal([1], (await reader.BasicGetAsync("kept", autoAck: true, Cancelled))!.Body.ToArray());
    }

    [Fact]
    public async Task Databases_OfTwoTests_AreMigratedAndDoNotSeeEachOther()
    {
        await using var first = await TestDatabase.CreateAsync("postgres");
        await using var second = await TestDatabase.CreateAsync("postgres");
        await first.AddProjectAsync();

        await using var db = second.CreateDbContext();
        Assert.Empty(db.Projects);
    }
}
