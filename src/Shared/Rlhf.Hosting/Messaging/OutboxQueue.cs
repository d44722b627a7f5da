using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Rlhf.Contracts;
using Rlhf.Data;
using Rlhf.Data.Entities;

namespace Rlhf.Hosting.Messaging;

/// <summary>
/// The outbox as the dispatcher sees it: rows are taken in a short transaction, so that no two dispatchers have the same one, and either removed or put
/// back. A row whose aggregate has an earlier row that is not taken with it stays where it is.
/// </summary>
internal sealed class OutboxQueue(IDbContextFactory<AppDbContext> contexts, IOptions<MessagingOptions> options, TimeProvider time)
{
    private const int MaxInFlightInMemory = 500;
    private static readonly string[] s_known = [.. MessageTypes.All.Keys];

    /// <summary>Takes rows that are due, at most a batch, in the order of their keys. <see cref="OutboxMessage.DispatchedAt"/> tells who took them.</summary>
    public async Task<IReadOnlyList<OutboxMessage>> TakeAsync(CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);

        // Whole milliseconds: what the databases store is compared with it later.
        var clock = time.GetUtcNow();
        var now = clock.AddTicks(-(clock.Ticks % TimeSpan.TicksPerMillisecond));
        var lost = now - options.Value.RedeliverAfter;
        var due = Due(db, now, lost);

        // An idle dispatcher takes no write lock.
        if (!await due.AnyAsync(cancellationToken))
        {
            return [];
        }

        var limit = options.Value.BatchSize;
        if (!options.Value.IsDurable)
        {
            limit = Math.Min(limit, MaxInFlightInMemory - await db.Outbox.CountAsync(m => m.DispatchedAt >= lost, cancellationToken));
            if (limit <= 0)
            {
                return [];
            }
        }

        // SQLite: beginning a transaction takes the one write lock. PostgreSQL: rows another dispatcher has locked are skipped.
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        var rows = await (db.IsSqlite() ? due.OrderBy(m => m.Id).Take(limit) : LockedRows(db, now, lost, limit)).ToListAsync(cancellationToken);
        if (!db.IsSqlite())
        {
            rows = await WithoutOvertakingAsync(db, rows, cancellationToken);
        }

        var ids = rows.ConvertAll(m => m.Id);
        await db.Outbox.Where(m => ids.Contains(m.Id)).ExecuteUpdateAsync(set => set.SetProperty(m => m.DispatchedAt, now), cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        rows.ForEach(m => m.DispatchedAt = now);
        return [.. rows.OrderBy(m => m.Id)];
    }

    /// <summary>Removes delivered rows, unless a consumer has failed meanwhile and put one back.</summary>
    public async Task RemoveAsync(IReadOnlyList<OutboxMessage> rows, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await Taken(db, rows).ExecuteDeleteAsync(cancellationToken);
    }

    /// <summary>Puts a row that could not be published back, for later.</summary>
    public async Task PutBackAsync(OutboxMessage row, Exception error, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        DateTimeOffset? next = time.GetUtcNow() + options.Value.DelayAfter(row.Attempts + 1);
        await Taken(db, [row]).ExecuteUpdateAsync(
            set => set
                .SetProperty(m => m.DispatchedAt, (DateTimeOffset?)null)
                .SetProperty(m => m.NextAttemptAt, next)
                .SetProperty(m => m.Attempts, m => m.Attempts + 1)
                .SetProperty(m => m.LastError, error.Message),
            cancellationToken);
    }

    /// <summary>Gives rows back that nobody has tried to publish.</summary>
    public async Task ReleaseAsync(IReadOnlyList<OutboxMessage> rows, CancellationToken cancellationToken)
    {
        if (rows.Count > 0)
        {
            await using var db = await contexts.CreateDbContextAsync(cancellationToken);
            await Taken(db, rows).ExecuteUpdateAsync(set => set.SetProperty(m => m.DispatchedAt, (DateTimeOffset?)null), cancellationToken);
        }
    }

    /// <summary>Gives everything back that was taken: the in-memory queues died with the process that filled them, and this process is the only one.</summary>
    public async Task ForgetDeadProcessAsync(CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await db.Outbox.Where(m => m.DispatchedAt != null).ExecuteUpdateAsync(set => set.SetProperty(m => m.DispatchedAt, (DateTimeOffset?)null), cancellationToken);
    }

    private static IQueryable<OutboxMessage> Taken(AppDbContext db, IReadOnlyList<OutboxMessage> rows)
    {
        var ids = rows.Select(m => m.Id).ToArray();
        var takenAt = rows[0].DispatchedAt;
        return db.Outbox.Where(m => ids.Contains(m.Id) && m.DispatchedAt == takenAt);
    }

    // Due: nobody has it, or who had it died; its time has come; this program knows its type, or no newer one has come to take it.
    // In memory a row stays until it is handled, and later ones of its aggregate wait for that; on a broker they go with it, behind it.
    private IQueryable<OutboxMessage> Due(AppDbContext db, DateTimeOffset now, DateTimeOffset lost)
    {
        var due = db.Outbox.AsNoTracking().Where(m =>
            (m.DispatchedAt == null ? m.NextAttemptAt == null || m.NextAttemptAt <= now : m.DispatchedAt < lost)
            && (s_known.Contains(m.Type) || m.CreatedAt < lost));
        return options.Value.IsDurable
            ? due.Where(m => m.Aggregate == null || !db.Outbox.Any(e => e.Aggregate == m.Aggregate && e.Id < m.Id
                && (e.DispatchedAt >= lost || (e.DispatchedAt == null && e.NextAttemptAt > now) || (!s_known.Contains(e.Type) && e.CreatedAt >= lost))))
            : due.Where(m => m.Aggregate == null || !db.Outbox.Any(e => e.Aggregate == m.Aggregate && e.Id < m.Id));
    }

    // As Due says, with locks, which LINQ cannot ask for.
    private IQueryable<OutboxMessage> LockedRows(AppDbContext db, DateTimeOffset now, DateTimeOffset lost, int limit)
    {
        var isDurable = options.Value.IsDurable;
        return db.Outbox.FromSql(
            $"""
            SELECT m.* FROM "Outbox" AS m
            WHERE ((m."DispatchedAt" IS NULL AND (m."NextAttemptAt" IS NULL OR m."NextAttemptAt" <= {now})) OR m."DispatchedAt" < {lost})
              AND (m."Type" = ANY ({s_known}) OR m."CreatedAt" < {lost})
              AND (m."Aggregate" IS NULL OR NOT EXISTS (
                SELECT 1 FROM "Outbox" AS e
                WHERE e."Aggregate" = m."Aggregate" AND e."Id" < m."Id"
                  AND (NOT {isDurable} OR e."DispatchedAt" >= {lost} OR (e."DispatchedAt" IS NULL AND e."NextAttemptAt" > {now})
                    OR (e."Type" <> ALL ({s_known}) AND e."CreatedAt" >= {lost}))))
            ORDER BY m."Id" LIMIT {limit} FOR UPDATE OF m SKIP LOCKED
            """).AsNoTracking();
    }

    // An earlier row that another dispatcher had locked was skipped above as if it were not there. It is still in the table, or it is delivered.
    private static async Task<List<OutboxMessage>> WithoutOvertakingAsync(AppDbContext db, List<OutboxMessage> rows, CancellationToken cancellationToken)
    {
        var ids = rows.ConvertAll(m => m.Id);
        var aggregates = rows.Select(m => m.Aggregate).Distinct().ToArray();
        var left = await db.Outbox
            .Where(m => m.Aggregate != null && aggregates.Contains(m.Aggregate) && !ids.Contains(m.Id))
            .GroupBy(m => m.Aggregate!.Value)
            .Select(group => new { Aggregate = group.Key, First = group.Min(m => m.Id) })
            .ToDictionaryAsync(group => group.Aggregate, group => group.First, cancellationToken);
        return rows.FindAll(m => m.Aggregate is not { } aggregate || !left.TryGetValue(aggregate, out var first) || m.Id < first);
    }
}
