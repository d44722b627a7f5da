using Microsoft.EntityFrameworkCore;
using Rlhf.Data;
using Rlhf.Data.Entities;

namespace Labeling.Web.Features.Labeling;

/// <summary>
/// The search for an annotator's next task: newest round first, because comparisons of the current policy's answers teach the reward model most,
/// then those that lack least, then in their order. The index of the tasks has this order, so the search ends at the first task that is free.
/// </summary>
/// <param name="ProjectId">The project.</param>
/// <param name="AnnotatorId">Who will judge; never gets a task twice.</param>
/// <param name="JudgmentsPerTask">Judgments and leases together a task may have.</param>
/// <param name="Avoid">Tasks not to find.</param>
internal sealed record NextTask(Guid ProjectId, Guid AnnotatorId, int JudgmentsPerTask, Guid[] Avoid)
{
    // After a lost race: enough that few meet again, few enough to stay at the front.
    private const int Window = 64;

    // Counts and not EXISTS, which would become a join, and a join is sorted afterwards: these are asked task by task, in the index's order.
    private const string IsFree = """
        t."ProjectId" = {0} AND t."Status" = 'open' AND NOT t."Id" = ANY({1})
            AND (SELECT count(*) FROM "Judgments" j WHERE j."TaskId" = t."Id" AND j."AnnotatorId" = {2} AND j."RetractedAt" IS NULL) = 0
            AND t."JudgmentCount" + (SELECT count(*) FROM "TaskLeases" l WHERE l."TaskId" = t."Id" AND l."ExpiresAt" > {3}) < {4}
        """;

    private const string Order = """ ORDER BY t."Round" DESC, t."JudgmentCount" DESC, t."Sequence" """;
    private const string First = """SELECT t."Id" AS "Value" FROM "ComparisonTasks" t WHERE """ + IsFree + Order + "LIMIT 1 FOR UPDATE";
    private const string Any = """SELECT s."Id" AS "Value" FROM "ComparisonTasks" s WHERE s."Id" IN (SELECT t."Id" FROM "ComparisonTasks" t WHERE """ + IsFree + Order
        + """LIMIT {5}) ORDER BY md5(s."Id"::text || {2}::text) LIMIT 1 FOR UPDATE OF s SKIP LOCKED""";

    /// <summary>The first free task, its row locked until the end of the transaction; null if there is none.</summary>
    /// <param name="db">In a transaction. On SQLite that is the only writer, and there is nothing to lock.</param>
    /// <param name="now">Leases that end before do not count.</param>
    /// <param name="way">What to do about tasks that others want.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    public async Task<Guid?> LockAsync(AppDbContext db, DateTimeOffset now, Way way, CancellationToken cancellationToken)
    {
        if (db.Database.IsNpgsql())
        {
            var sql = way switch { Way.Any => Any, Way.Wait => First, _ => First + " SKIP LOCKED" };
            var found = await db.Database.SqlQueryRaw<Guid>(sql, ProjectId, Avoid, AnnotatorId, now, JudgmentsPerTask, Window).ToListAsync(cancellationToken);
            return found.Count == 0 ? null : found[0];
        }

        return await db.ComparisonTasks
            .Where(t => t.ProjectId == ProjectId && t.Status == ComparisonTaskStatuses.Open && !Avoid.Contains(t.Id)
                && !db.Judgments.Any(j => j.TaskId == t.Id && j.AnnotatorId == AnnotatorId && j.RetractedAt == null)
                && t.JudgmentCount + db.TaskLeases.Count(l => l.TaskId == t.Id && l.ExpiresAt > now) < JudgmentsPerTask)
            .OrderByDescending(t => t.Round).ThenByDescending(t => t.JudgmentCount).ThenBy(t => t.Sequence)
            .Select(t => (Guid?)t.Id)
            .FirstOrDefaultAsync(cancellationToken);
    }

    /// <summary>What a search does about tasks that another annotator is taking this instant.</summary>
    public enum Way
    {
        /// <summary>The first that nobody is taking.</summary>
        PassOver,

        /// <summary>After a lost race: one of the first, in an order of the annotator's own, in which few meet.</summary>
        Any,

        /// <summary>Waits for it: whether there is nothing, or nothing for this instant.</summary>
        Wait,
    }
}
