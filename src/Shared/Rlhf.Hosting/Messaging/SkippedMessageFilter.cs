using System.Text.Json;
using MassTransit;

namespace Rlhf.Hosting.Messaging;

/// <summary>
/// A message on this endpoint's queue that none of its consumers knows: a newer version of this service has bound the queue to it. It is set aside, to be
/// retried when that version is back.
/// </summary>
internal sealed class SkippedMessageFilter(FailedMessageStore store) : IFilter<ReceiveContext>
{
    public void Probe(ProbeContext context) => context.CreateFilterScope("skipped");

    public async Task Send(ReceiveContext context, IPipe<ReceiveContext> next)
    {
        if (context.TryGetPayload<KnownMessage>(out _))
        {
            return;
        }

        // MassTransit's envelope: messageId, messageType (urn:message:Namespace:Type, …), message. https://masstransit.io/documentation/concepts/messages#message-headers
        using var envelope = JsonDocument.Parse(context.GetBody());
        var type = envelope.RootElement.GetProperty("messageType")[0].GetString()!;
        await store.SetAsideUnknownAsync(
            envelope.RootElement.GetProperty("messageId").GetGuid(),
            EndpointMap.NameOf(context.InputAddress),
            MessagePlace.Read(context.TransportHeaders),
            type,
            envelope.RootElement.GetProperty("message").GetRawText(),
            context.CancellationToken);
        await next.Send(context);
    }
}
