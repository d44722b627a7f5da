using Rlhf.Data;
using Rlhf.Data.Entities;

namespace Rlhf.Hosting.Messaging;

/// <summary>What else becomes true when a message is set aside, for example that the run it asked for has failed. Called in the transaction that sets it aside.</summary>
public interface IFailedMessageHandler
{
    /// <summary>Adds changes and outbox rows to <paramref name="db"/>; the caller saves.</summary>
    /// <param name="db">The context of the transaction.</param>
    /// <param name="failed">The message that is set aside, with its reason.</param>
    /// <param name="message">The message itself.</param>
    /// <param name="cancellationToken">Cancels.</param>
    Task HandleAsync(AppDbContext db, FailedMessage failed, object message, CancellationToken cancellationToken);
}
