using System.Runtime.CompilerServices;
using MassTransit;
using MassTransit.RabbitMqTransport;

namespace Rlhf.Hosting.Messaging;

/// <summary>Outermost on an endpoint of the broker: handles the messages of one aggregate one after another, and as many of all at a time as <paramref name="work"/> admits.</summary>
internal sealed class DeliveryOrderFilter(SemaphoreSlim work) : IFilter<ReceiveContext>
{
    // A new channel (after a lost connection) counts from 1 again.
    private readonly ConditionalWeakTable<ChannelContext, DeliveryOrder> _orders = [];

    public void Probe(ProbeContext context) => context.CreateFilterScope("delivery-order");

    public async Task Send(ReceiveContext context, IPipe<ReceiveContext> next)
    {
        var delivery = context.GetPayload<RabbitMqBasicConsumeContext>();
        var order = _orders.GetOrCreateValue(context.GetPayload<ChannelContext>());
        using var turn = await order.WaitAsync(delivery.DeliveryTag, MessagePlace.Read(context.TransportHeaders).Aggregate, context.CancellationToken);
        await work.WaitAsync(context.CancellationToken);
        try
        {
            await next.Send(context);
        }
        finally
        {
            work.Release();
        }
    }
}
