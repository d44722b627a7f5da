using Microsoft.EntityFrameworkCore;
using Rlhf.Data;

namespace Rlhf.Hosting;

/// <summary>
/// The time that processes which share a database agree on: with PostgreSQL the server's, so that a machine whose clock is wrong neither takes
/// others for dead nor holds on for too long; with SQLite, where all processes are on one machine, that machine's.
/// </summary>
public class DatabaseClock(TimeProvider time)
{
    /// <summary>The time now, UTC. With PostgreSQL a round trip, and the moment of the statement, not of the transaction's start.</summary>
    public virtual async Task<DateTimeOffset> NowAsync(AppDbContext db, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(db);
        return db.IsSqlite()
            ? time.GetUtcNow()
            : await db.Database.SqlQuery<DateTimeOffset>($"""SELECT clock_timestamp() AS "Value" """).SingleAsync(cancellationToken);
    }
}
