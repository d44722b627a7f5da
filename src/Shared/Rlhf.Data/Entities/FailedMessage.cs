namespace Rlhf.Data.Entities;

/// <summary>
/// An endpoint could not handle a message. While <see cref="SetAsideAt"/> is null it is delivered again later; after the last
/// attempt it is set aside with its reason until somebody retries it.
/// </summary>
public sealed class FailedMessage
{
    /// <summary>The message.</summary>
    public required Guid MessageId { get; set; }

    /// <summary>The endpoint (queue) that failed; empty when the message could not even be published.</summary>
    public required string Endpoint { get; set; }

    /// <summary>Stable name in <see cref="Contracts.MessageTypes"/>.</summary>
    public required string Type { get; set; }

    /// <summary>The message, as JSON.</summary>
    public required string Body { get; set; }

    /// <summary>The key its outbox row had, and has again when it is delivered again: its place among the messages of its aggregate.</summary>
    public long OutboxId { get; set; }

    /// <summary>What the message is about, as in its outbox row.</summary>
    public Guid? Aggregate { get; set; }

    /// <summary>W3C trace context, as in its outbox row.</summary>
    public string? TraceParent { get; set; }

    /// <summary>Failed deliveries.</summary>
    public int Attempts { get; set; }

    /// <summary>The last error.</summary>
    public required string Error { get; set; }

    /// <summary>When it failed first.</summary>
    public DateTimeOffset FirstFailedAt { get; set; }

    /// <summary>When it failed last.</summary>
    public DateTimeOffset LastFailedAt { get; set; }

    /// <summary>When it was given up; null while it is still tried.</summary>
    public DateTimeOffset? SetAsideAt { get; set; }
}
