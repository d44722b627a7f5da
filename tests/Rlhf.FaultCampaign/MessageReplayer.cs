using RabbitMQ.Client;
using Rlhf.Contracts;
using Rlhf.Numerics;

namespace Rlhf.FaultCampaign;

/// <summary>
/// Listens to every exchange and, later, publishes some of what went by again: the same message with the same id, long after its turn and
/// in another order, as a broker may after a failover.
/// </summary>
internal sealed class MessageReplayer(Uri broker)
{
    private const string Queue = "campaign-capture";
    private const string Mark = "campaign-replayed";
    private const int MostKept = 20_000;

    private readonly ConnectionFactory _factory = new() { Uri = broker };
    private readonly List<(string Exchange, BasicProperties Properties, byte[] Body)> _seen = [];

    /// <summary>Messages published again.</summary>
    public int Replayed { get; private set; }

    /// <summary>Begins to listen.</summary>
    public async Task BindAsync()
    {
        await using var connection = await _factory.CreateConnectionAsync();
        await using var channel = await connection.CreateChannelAsync();
        await channel.QueueDeclareAsync(Queue, durable: true, exclusive: false, autoDelete: false);
        foreach (var name in MessageTypes.All.Keys)
        {
            // As MassTransit declares it, so that it does not matter who comes first.
            await channel.ExchangeDeclareAsync("rlhf." + name, ExchangeType.Fanout, durable: true, autoDelete: false);
            await channel.QueueBindAsync(Queue, "rlhf." + name, routingKey: "");
        }
    }

    /// <summary>Publishes up to so many messages of all that went by so far again, shuffled.</summary>
    public async Task ReplayAsync(int count, Philox random)
    {
        await using var connection = await _factory.CreateConnectionAsync();
        await using var channel = await connection.CreateChannelAsync();
        while (await channel.BasicGetAsync(Queue, autoAck: true) is { } message)
        {
            if (_seen.Count < MostKept && message.BasicProperties.Headers?.ContainsKey(Mark) is not true)
            {
                _seen.Add((message.Exchange, new BasicProperties(message.BasicProperties), message.Body.ToArray()));
            }
        }

        foreach (var index in random.Permutation(_seen.Count).Take(count))
        {
            var (exchange, properties, body) = _seen[index];
            properties.Headers = new Dictionary<string, object?>(properties.Headers ?? new Dictionary<string, object?>()) { [Mark] = true };
            await channel.BasicPublishAsync(exchange, routingKey: "", mandatory: false, properties, body);
            Replayed++;
        }
    }
}
