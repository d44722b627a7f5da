namespace Rlhf.Data.Entities;

/// <summary>An endpoint has handled a message: written in the transaction of the effect, so a second delivery changes nothing.</summary>
public sealed class InboxMessage
{
    /// <summary>The message.</summary>
    public required Guid MessageId { get; set; }

    /// <summary>The endpoint (queue) whose consumer handled it.</summary>
    public required string Endpoint { get; set; }

    /// <summary>When.</summary>
    public DateTimeOffset ReceivedAt { get; set; }
}
