namespace Rlhf.Data.Entities;

/// <summary>
/// A message that is to be published: written in the transaction of the change it tells about, removed when it is delivered
/// (in-memory transport: when every consumer has committed its effect; broker: when the broker has confirmed it).
/// </summary>
public sealed class OutboxMessage
{
    /// <summary>Key; messages are published in its order.</summary>
    public long Id { get; set; }

    /// <summary>The id the message keeps however often it is published; consumers recognise it by that.</summary>
    public Guid MessageId { get; set; } = Guid.CreateVersion7();

    /// <summary>Stable name in <see cref="Contracts.MessageTypes"/>.</summary>
    public required string Type { get; set; }

    /// <summary>The message, as JSON.</summary>
    public required string Body { get; set; }

    /// <summary>What the message is about (a run, a comparison task, a project): messages of one aggregate are delivered in the order of their keys. Null: in any order.</summary>
    public Guid? Aggregate { get; set; }

    /// <summary>W3C trace context of the change it tells about.</summary>
    public string? TraceParent { get; set; }

    /// <summary>When it was written.</summary>
    public DateTimeOffset CreatedAt { get; set; }

    /// <summary>Failed attempts to publish it.</summary>
    public int Attempts { get; set; }

    /// <summary>Not to be published before; null at once.</summary>
    public DateTimeOffset? NextAttemptAt { get; set; }

    /// <summary>When a dispatcher took it; null while it waits.</summary>
    public DateTimeOffset? DispatchedAt { get; set; }

    /// <summary>Why it could not be published last time.</summary>
    public string? LastError { get; set; }
}
