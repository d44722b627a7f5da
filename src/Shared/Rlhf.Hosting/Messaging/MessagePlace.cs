using System.Globalization;
using MassTransit;

namespace Rlhf.Hosting.Messaging;

/// <summary>What a message carries of its outbox row: its key there (its place among the messages of its aggregate), the aggregate, and the trace it belongs to.</summary>
internal sealed record MessagePlace(long OutboxId, Guid? Aggregate, string? TraceParent)
{
    private const string OutboxIdHeader = "rlhf-outbox-id";
    private const string AggregateHeader = "rlhf-aggregate";
    private const string TraceParentHeader = "rlhf-traceparent";

    /// <summary>Of a message that did not come from an outbox.</summary>
    public static MessagePlace None { get; } = new(0, null, null);

    /// <summary>Writes it to a message.</summary>
    public void Write(SendHeaders headers)
    {
        headers.Set(OutboxIdHeader, OutboxId.ToString(CultureInfo.InvariantCulture));
        if (Aggregate is { } aggregate)
        {
            headers.Set(AggregateHeader, aggregate.ToString());
        }

        if (TraceParent is { } traceParent)
        {
            headers.Set(TraceParentHeader, traceParent);
        }
    }

    /// <summary>Reads it from a message; <see cref="None"/> where there is none.</summary>
    public static MessagePlace Read(Headers headers) =>
        headers.TryGetHeader(OutboxIdHeader, out var id) && long.TryParse($"{id}", NumberStyles.None, CultureInfo.InvariantCulture, out var outboxId)
            ? new MessagePlace(
                outboxId,
                headers.TryGetHeader(AggregateHeader, out var text) && Guid.TryParse($"{text}", out var aggregate) ? aggregate : null,
                headers.TryGetHeader(TraceParentHeader, out var traceParent) ? $"{traceParent}" : null)
            : None;
}
