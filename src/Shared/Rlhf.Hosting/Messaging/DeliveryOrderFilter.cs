using System.Runtime.CompilerServices;
using MassTransit;
using MassTransit.RabbitMqTransport;

namespace Rlhf.Hosting.Messaging;

/// <summary>Outermost on an endpoint of the broker: handles the messages of one aggregate one after another, and <paramref name="concurrent"/> of all at a time.</summary>
internal sealed class DeliveryOrderFilter(int concurrent) : IFilter<ReceiveContext>
{
    // A new channel (after a lost connection) counts from 1 again.
    private readonly ConditionalWeakTable<ChannelContext, DeliveryOrder> _orders = [];
    private readonly SemaphoreSlim _work = new(concurrent);

    public void Probe(ProbeContext context) => context.CreateFilterScope("delivery-order");

    public async Task Send(ReceiveContext context, IPipe<ReceiveContext> next)
    {
        var delivery = context.GetPayload<RabbitMqBasicConsumeContext>();
        var order = _orders.GetOrCreateValue(context.GetPayload<ChannelContext>());
        using var turn = await order.WaitAsync(delivery.DeliveryTag, MessagePlace.Read(context.TransportHeaders).Aggregate, context.CancellationToken);
        await _work.WaitAsync(context.CancellationToken);
        try
        {
            await next.Send(context);
        }
        finally
        {
            _work.Release();
        }
    }
}
