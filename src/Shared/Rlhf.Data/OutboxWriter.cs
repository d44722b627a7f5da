using System.Diagnostics;
using Rlhf.Contracts;
using Rlhf.Data.Entities;

namespace Rlhf.Data;

/// <summary>Messages leave a transaction here and nowhere else: no bus is called from a feature, a page or a consumer.</summary>
public static class OutboxWriter
{
    /// <summary>
    /// Adds a message to be published once the caller's one <c>SaveChanges</c> has committed, after the earlier messages of its aggregate
    /// (<see cref="MessageAggregates"/>) and in the trace of the current activity. Not an extension: <c>db.Add</c> adds entities.
    /// </summary>
    /// <typeparam name="T">A type of <see cref="MessageTypes"/>.</typeparam>
    /// <param name="db">The context that holds the change the message tells about.</param>
    /// <param name="message">The message.</param>
    /// <param name="notBefore">Earliest time to publish; at once by default. Later messages of the same aggregate wait with it.</param>
    /// <exception cref="ArgumentException">The type is not in <see cref="MessageTypes"/>.</exception>
    public static OutboxMessage Add<T>(AppDbContext db, T message, DateTimeOffset? notBefore = null)
        where T : class
    {
        ArgumentNullException.ThrowIfNull(db);
        var row = new OutboxMessage
        {
            Type = MessageTypes.NameOf(message.GetType()),
            Body = MessageJson.Serialize(message),
            Aggregate = MessageAggregates.Of(message),
            TraceParent = Activity.Current is { IdFormat: ActivityIdFormat.W3C } activity ? activity.Id : null,
            CreatedAt = DateTimeOffset.UtcNow,
            NextAttemptAt = notBefore,
        };
        db.Outbox.Add(row);
        return row;
    }
}
