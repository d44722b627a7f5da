using System.Data;
using System.Data.Common;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using Labeling.Web.Live;
using Microsoft.EntityFrameworkCore;
using Rlhf.Contracts.Labeling;
using Rlhf.Data;
using Rlhf.Data.Entities;
using Rlhf.Hosting.Telemetry;

namespace Labeling.Web.Features.Labeling;

/// <summary>
/// Hands out comparisons and stores judgments. A task is lent by a lease (10 minutes, renewable); every step that changes who may judge
/// a task first takes the lock of the task's row, so that leases and judgments together never exceed
/// <see cref="Project.JudgmentsPerTask"/>, and unique indexes stand behind that. Knows nothing of pages: the simulated annotator of the
/// command line labels through it too.
/// </summary>
public sealed class LabelingService(
    IDbContextFactory<AppDbContext> contexts, TimeProvider time, SkippedTasks skipped, ProjectNotifier projects)
{
    /// <summary>How long a lease lasts unless it is renewed.</summary>
    public static readonly TimeSpan LeaseDuration = TimeSpan.FromMinutes(10);

    /// <summary>How long a judgment can be taken back.</summary>
    public static readonly TimeSpan UndoWindow = TimeSpan.FromMinutes(10);

    private const int MaxAttempts = 8;

    private static readonly Counter<long> s_judgments =
        RlhfTelemetry.Meter.CreateCounter<long>("rlhf.judgments", "{judgment}", "Judgments stored, by source.");

    // OFFSET 0 has the tasks sorted before the conditions are asked, which then end at the first few that meet them.
    private const string FreeOnPostgres = """
        SELECT t."Id" AS "Value" FROM "ComparisonTasks" t WHERE t."Id" IN (
            SELECT c."Id" FROM (
                SELECT "Id", "JudgmentCount" FROM "ComparisonTasks" WHERE "ProjectId" = {0} AND "Status" = 'open'
                ORDER BY "Round" DESC, "JudgmentCount" DESC, "Sequence" OFFSET 0) c
            WHERE NOT c."Id" = ANY({1})
                AND NOT EXISTS (SELECT 1 FROM "Judgments" j WHERE j."TaskId" = c."Id" AND j."AnnotatorId" = {2} AND j."RetractedAt" IS NULL)
                AND c."JudgmentCount" + (SELECT count(*) FROM "TaskLeases" l WHERE l."TaskId" = c."Id" AND l."ExpiresAt" > {3}) < {4}
            LIMIT {5})
        """;

    private const string NextOnPostgres = FreeOnPostgres + """ ORDER BY t."Round" DESC, t."JudgmentCount" DESC, t."Sequence" LIMIT 1 FOR UPDATE OF t""";

    // Many annotators at once all want the first task: each passes over those that another is taking this instant (SKIP LOCKED), and who
    // came too late even so goes on with an order of their own, in which few meet.
    private const string NextOnPostgresSkipLocked = NextOnPostgres + " SKIP LOCKED";
    private const string AnyOnPostgresSkipLocked = FreeOnPostgres + """ ORDER BY md5(t."Id"::text || {2}::text) LIMIT 1 FOR UPDATE OF t SKIP LOCKED""";

    /// <summary>
    /// The next comparison for this annotator, or null if there is none. A lease the annotator already holds is handed out again before
    /// a new one is taken, so a reload shows the same comparison.
    /// </summary>
    /// <param name="projectId">The project.</param>
    /// <param name="annotatorId">Who will judge.</param>
    /// <param name="holding">Tasks the caller already shows or has fetched ahead.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="UnauthorizedAccessException">The annotator is no member of the project, nor engineer or administrator.</exception>
    public async Task<Comparison?> ClaimNextAsync(
        Guid projectId, Guid annotatorId, IReadOnlyCollection<Guid>? holding = null, CancellationToken cancellationToken = default)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await RequireAccessAsync(db, projectId, annotatorId, cancellationToken);

        var held = holding ?? [];
        var now = time.GetUtcNow();
        var own = await db.TaskLeases
            .Where(l => l.AnnotatorId == annotatorId && l.ExpiresAt > now && !held.Contains(l.TaskId)
                && db.ComparisonTasks.Any(t => t.Id == l.TaskId && t.ProjectId == projectId && t.Status == ComparisonTaskStatuses.Open))
            .OrderBy(l => l.ExpiresAt)
            .FirstOrDefaultAsync(cancellationToken);
        if (own is not null)
        {
            return await PresentAsync(db, own, cancellationToken);
        }

        var judgmentsPerTask = await db.Projects.Where(p => p.Id == projectId).Select(p => p.JudgmentsPerTask).SingleAsync(cancellationToken);
        var avoid = held.Concat(skipped.Of(annotatorId, projectId)).Distinct().ToArray();
        var waits = false;
        for (var attempt = 1; attempt <= MaxAttempts; attempt++)
        {
            var (lease, isFree) = await TryLeaseNextAsync(db, new Wish(projectId, annotatorId, judgmentsPerTask, avoid, attempt, waits), cancellationToken);
            if (lease is not null)
            {
                return await PresentAsync(db, lease, cancellationToken);
            }

            if (!isFree && waits)
            {
                return null;
            }

            // Whether there is nothing, or only nothing that is not locked this instant, shows who waits for the locked ones.
            waits = !isFree && attempt > 1;
        }

        return null;
    }

    /// <summary>
    /// Stores a judgment, counts it, releases the lease and announces it, in one transaction. Submitting a lease twice stores one judgment.
    /// </summary>
    /// <param name="annotatorId">Who judges; must hold the lease.</param>
    /// <param name="leaseToken">The lease of the comparison.</param>
    /// <param name="choice">One of <see cref="Choices"/>, in terms of the task's answers A and B, not of left and right.</param>
    /// <param name="durationMs">From the display of the comparison to the choice, in milliseconds.</param>
    /// <param name="source">One of <see cref="JudgmentSources"/>.</param>
    /// <param name="projectId">If given, a lease of another project counts as unknown.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    public async Task<SubmitResult> SubmitAsync(
        Guid annotatorId, Guid leaseToken, string choice, int durationMs, string source = JudgmentSources.Human, Guid? projectId = null, CancellationToken cancellationToken = default)
    {
        if (!Choices.All.Contains(choice))
        {
            throw new ArgumentException($"choice is '{choice}'; legal values: {string.Join(", ", Choices.All)}", nameof(choice));
        }

        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                var (result, changed) = await SubmitOnceAsync(db, annotatorId, leaseToken, choice, durationMs, source, projectId, cancellationToken);
                if (result.Outcome is SubmitOutcome.Recorded)
                {
                    s_judgments.Add(1, new KeyValuePair<string, object?>("source", source));
                    projects.Changed(changed);
                }

                return result;
            }
            catch (DbUpdateException) when (attempt < MaxAttempts)
            {
                // The same lease submitted twice at once: the loser finds the winner's judgment on the next turn.
                db.ChangeTracker.Clear();
            }
        }
    }

    /// <summary>Keeps a lease while its comparison is being read. False if it is gone.</summary>
    public async Task<bool> RenewAsync(Guid annotatorId, Guid leaseToken, CancellationToken cancellationToken = default)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var now = time.GetUtcNow();
        var until = now + LeaseDuration;
        return await db.TaskLeases
            .Where(l => l.Token == leaseToken && l.AnnotatorId == annotatorId && l.ExpiresAt > now)
            .ExecuteUpdateAsync(set => set.SetProperty(l => l.ExpiresAt, until), cancellationToken) == 1;
    }

    /// <summary>Gives a comparison back unjudged, to be judged by somebody else; this annotator does not get it again before <see cref="ServeSkippedAgain"/>.</summary>
    public async Task<bool> SkipAsync(Guid annotatorId, Guid leaseToken, CancellationToken cancellationToken = default)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var taskId = await db.TaskLeases
            .Where(l => l.Token == leaseToken && l.AnnotatorId == annotatorId)
            .Select(l => (Guid?)l.TaskId)
            .SingleOrDefaultAsync(cancellationToken);
        if (taskId is not { } id)
        {
            return false;
        }

        var projectId = await db.ComparisonTasks.Where(t => t.Id == id).Select(t => t.ProjectId).SingleAsync(cancellationToken);
        skipped.Add(annotatorId, projectId, id);
        await db.TaskLeases.Where(l => l.Token == leaseToken && l.AnnotatorId == annotatorId).ExecuteDeleteAsync(cancellationToken);
        projects.Changed(projectId);
        return true;
    }

    /// <summary>
    /// The same by the task. A task this annotator does not hold (any more) is only put aside; false if the project has no such task.
    /// </summary>
    public async Task<bool> SkipTaskAsync(Guid projectId, Guid annotatorId, Guid taskId, CancellationToken cancellationToken = default)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        if (!await db.ComparisonTasks.AnyAsync(t => t.Id == taskId && t.ProjectId == projectId, cancellationToken))
        {
            return false;
        }

        var lease = await db.TaskLeases.Where(l => l.TaskId == taskId && l.AnnotatorId == annotatorId).Select(l => (Guid?)l.Token).SingleOrDefaultAsync(cancellationToken);
        skipped.Add(annotatorId, projectId, taskId);
        if (lease is { } token)
        {
            await SkipAsync(annotatorId, token, cancellationToken);
        }

        return true;
    }

    /// <summary>How many open comparisons of the project this annotator has put aside.</summary>
    public async Task<int> CountSkippedAsync(Guid projectId, Guid annotatorId, CancellationToken cancellationToken = default)
    {
        var tasks = skipped.Of(annotatorId, projectId);
        if (tasks.Count == 0)
        {
            return 0;
        }

        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await db.ComparisonTasks.CountAsync(t => tasks.Contains(t.Id) && t.Status == ComparisonTaskStatuses.Open, cancellationToken);
    }

    /// <summary>Puts the comparisons of the project that this annotator has skipped back into their queue.</summary>
    public void ServeSkippedAgain(Guid projectId, Guid annotatorId) => skipped.Clear(annotatorId, projectId);

    /// <summary>
    /// Takes the annotator's last judgment of the project back and lends its comparison again; null if there is none younger than
    /// <see cref="UndoWindow"/> that no cycle has taken yet. The judgment stays stored, marked as retracted.
    /// </summary>
    public async Task<Comparison?> UndoAsync(Guid projectId, Guid annotatorId, CancellationToken cancellationToken = default)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await RequireAccessAsync(db, projectId, annotatorId, cancellationToken);
        await using var transaction = await db.Database.BeginTransactionAsync(IsolationLevel.ReadCommitted, cancellationToken);
        var now = time.GetUtcNow();
        var since = now - UndoWindow;
        var last = await db.Judgments
            .Where(j => j.ProjectId == projectId && j.AnnotatorId == annotatorId && j.RetractedAt == null && j.CycleId == null && j.CreatedAt >= since)
            .OrderByDescending(j => j.CreatedAt).ThenByDescending(j => j.Id)
            .FirstOrDefaultAsync(cancellationToken);
        if (last is null)
        {
            return null;
        }

        await db.ComparisonTasks.Where(t => t.Id == last.TaskId).ExecuteUpdateAsync(
            set => set.SetProperty(t => t.JudgmentCount, t => t.JudgmentCount - 1).SetProperty(t => t.Status, ComparisonTaskStatuses.Open),
            cancellationToken);

        // Two tabs may undo at once, or a cycle may take the judgment right now: only one of them gets it.
        var retracted = await db.Judgments
            .Where(j => j.Id == last.Id && j.RetractedAt == null && j.CycleId == null)
            .ExecuteUpdateAsync(set => set.SetProperty(j => j.RetractedAt, now), cancellationToken);
        if (retracted == 0)
        {
            return null;
        }

        var lease = await AddLeaseAsync(db, last.TaskId, annotatorId, now, cancellationToken);
        OutboxWriter.Add(db, new JudgmentRetracted { JudgmentId = last.Id, ProjectId = projectId });
        await db.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        projects.Changed(projectId);
        return await PresentAsync(db, lease, cancellationToken);
    }

    private async Task<(SubmitResult Result, Guid ProjectId)> SubmitOnceAsync(
        AppDbContext db, Guid annotatorId, Guid leaseToken, string choice, int durationMs, string source, Guid? projectId, CancellationToken cancellationToken)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(IsolationLevel.ReadCommitted, cancellationToken);
        var now = time.GetUtcNow();
        var lease = await db.TaskLeases.AsNoTracking().SingleOrDefaultAsync(l => l.Token == leaseToken, cancellationToken);
        if (lease is null)
        {
            return (await FindEarlierAsync(db, annotatorId, leaseToken, projectId, cancellationToken), default);
        }

        if (lease.AnnotatorId != annotatorId || lease.ExpiresAt <= now)
        {
            return (new SubmitResult(lease.AnnotatorId != annotatorId ? SubmitOutcome.ForeignLease : SubmitOutcome.LeaseExpired), default);
        }

        await LockAsync(db, lease.TaskId, cancellationToken);
        if (await db.TaskLeases.Where(l => l.Token == leaseToken).ExecuteDeleteAsync(cancellationToken) == 0)
        {
            // The same submission, sent again while the first one was under way, waited here for it.
            return (await FindEarlierAsync(db, annotatorId, leaseToken, projectId, cancellationToken), default);
        }

        var task = await (
            from t in db.ComparisonTasks.AsNoTracking()
            where t.Id == lease.TaskId
            join project in db.Projects on t.ProjectId equals project.Id
            join prompt in db.Prompts on t.PromptId equals prompt.Id
            select new { t.Id, t.ProjectId, t.JudgmentCount, project.JudgmentsPerTask, project.HeldOutFraction, PromptHash = prompt.ContentHash }).SingleAsync(cancellationToken);
        if (projectId is not null && task.ProjectId != projectId)
        {
            return (new SubmitResult(SubmitOutcome.UnknownLease), default);
        }

        var judgment = new Judgment
        {
            Id = Guid.CreateVersion7(now),
            TaskId = task.Id,
            ProjectId = task.ProjectId,
            AnnotatorId = annotatorId,
            Choice = choice,
            PresentedSwapped = PresentationOrder.IsSwapped(annotatorId, task.Id),
            LeaseToken = leaseToken,
            Source = source,
            Split = JudgmentSplit.Of(task.PromptHash, task.HeldOutFraction),
            DurationMs = Math.Max(0, durationMs),
            CreatedAt = now,
            TraceParent = Activity.Current?.Id,
        };
        db.Add(judgment);
        OutboxWriter.Add(db, new JudgmentRecorded { JudgmentId = judgment.Id, TaskId = task.Id, ProjectId = task.ProjectId, AnnotatorId = annotatorId });
        var count = task.JudgmentCount + 1;
        var status = count >= task.JudgmentsPerTask ? ComparisonTaskStatuses.Done : ComparisonTaskStatuses.Open;
        await db.ComparisonTasks.Where(t => t.Id == task.Id).ExecuteUpdateAsync(
            set => set.SetProperty(t => t.JudgmentCount, count).SetProperty(t => t.Status, status), cancellationToken);
        await db.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return (new SubmitResult(SubmitOutcome.Recorded, judgment.Id, choice), task.ProjectId);
    }

    private static async Task<SubmitResult> FindEarlierAsync(
        AppDbContext db, Guid annotatorId, Guid leaseToken, Guid? projectId, CancellationToken cancellationToken)
    {
        var earlier = await db.Judgments.AsNoTracking().SingleOrDefaultAsync(j => j.LeaseToken == leaseToken, cancellationToken);
        return earlier is null ? new SubmitResult(SubmitOutcome.UnknownLease)
            : earlier.AnnotatorId != annotatorId ? new SubmitResult(SubmitOutcome.ForeignLease)
            : projectId is not null && earlier.ProjectId != projectId ? new SubmitResult(SubmitOutcome.UnknownLease)
            : new SubmitResult(SubmitOutcome.AlreadyRecorded, earlier.Id, earlier.Choice);
    }

    /// <summary>Who wants a comparison, which not, for which time in a row, and whether to wait for one that is locked.</summary>
    private sealed record Wish(Guid ProjectId, Guid AnnotatorId, int JudgmentsPerTask, Guid[] Avoid, int Attempt, bool Waits)
    {
        /// <summary>How many free tasks are looked at: few, and after a lost race more than there are connections.</summary>
        public int Window => Attempt == 1 ? 16 : 256;
    }

    private async Task<(TaskLease? Lease, bool IsFree)> TryLeaseNextAsync(AppDbContext db, Wish wish, CancellationToken cancellationToken)
    {
        try
        {
            await using var transaction = await db.Database.BeginTransactionAsync(IsolationLevel.ReadCommitted, cancellationToken);
            var now = time.GetUtcNow();
            if (await LockNextAsync(db, wish, now, cancellationToken) is not { } taskId)
            {
                return (null, false);
            }

            // Counted again under the lock: the search may have seen an older state.
            var task = await db.ComparisonTasks.AsNoTracking().Where(t => t.Id == taskId)
                .Select(t => new { t.Status, t.JudgmentCount, Leases = db.TaskLeases.Where(l => l.TaskId == t.Id).Select(l => l.ExpiresAt).ToList() })
                .SingleAsync(cancellationToken);
            if (task.Leases.Any(expires => expires <= now))
            {
                await db.TaskLeases.Where(l => l.TaskId == taskId && l.ExpiresAt <= now).ExecuteDeleteAsync(cancellationToken);
            }

            if (task.Status != ComparisonTaskStatuses.Open || task.JudgmentCount + task.Leases.Count(expires => expires > now) >= wish.JudgmentsPerTask)
            {
                return (null, true);
            }

            var lease = await AddLeaseAsync(db, taskId, wish.AnnotatorId, now, cancellationToken);
            await db.SaveChangesAsync(cancellationToken);
            await transaction.CommitAsync(cancellationToken);
            return (lease, true);
        }
        catch (Exception exception) when (exception is DbUpdateException || exception is DbException { IsTransient: false })
        {
            // Another tab of the same annotator was faster.
            db.ChangeTracker.Clear();
            return (null, true);
        }
    }

    // Newest round first: comparisons of the current policy's answers teach the reward model most. Then those that lack least.
    private static async Task<Guid?> LockNextAsync(AppDbContext db, Wish wish, DateTimeOffset now, CancellationToken cancellationToken)
    {
        if (!db.Database.IsNpgsql())
        {
            return await db.ComparisonTasks
                .Where(t => t.ProjectId == wish.ProjectId && t.Status == ComparisonTaskStatuses.Open && !wish.Avoid.Contains(t.Id)
                    && !db.Judgments.Any(j => j.TaskId == t.Id && j.AnnotatorId == wish.AnnotatorId && j.RetractedAt == null)
                    && t.JudgmentCount + db.TaskLeases.Count(l => l.TaskId == t.Id && l.ExpiresAt > now) < wish.JudgmentsPerTask)
                .OrderByDescending(t => t.Round).ThenByDescending(t => t.JudgmentCount).ThenBy(t => t.Sequence)
                .Select(t => (Guid?)t.Id)
                .FirstOrDefaultAsync(cancellationToken);
        }

        var found = await db.Database.SqlQueryRaw<Guid>(
            wish.Waits ? NextOnPostgres : wish.Attempt == 1 ? NextOnPostgresSkipLocked : AnyOnPostgresSkipLocked,
            wish.ProjectId, wish.Avoid, wish.AnnotatorId, now, wish.JudgmentsPerTask, wish.Window).ToListAsync(cancellationToken);
        return found.Count == 0 ? null : found[0];
    }

    private static async Task<TaskLease> AddLeaseAsync(
        AppDbContext db, Guid taskId, Guid annotatorId, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var taken = await db.TaskLeases.Where(l => l.TaskId == taskId).Select(l => l.Slot).ToListAsync(cancellationToken);
        var lease = new TaskLease
        {
            TaskId = taskId,
            Slot = Enumerable.Range(0, taken.Count + 1).First(slot => !taken.Contains(slot)),
            AnnotatorId = annotatorId,
            Token = Guid.NewGuid(),
            ExpiresAt = now + LeaseDuration,
        };
        db.Add(lease);
        return lease;
    }

    // On SQLite the transaction already is the only writer.
    private static Task LockAsync(AppDbContext db, Guid taskId, CancellationToken cancellationToken) => db.Database.IsNpgsql()
        ? db.Database.ExecuteSqlAsync($"""SELECT 1 FROM "ComparisonTasks" WHERE "Id" = {taskId} FOR UPDATE""", cancellationToken)
        : Task.CompletedTask;

    private static async Task<Comparison> PresentAsync(AppDbContext db, TaskLease lease, CancellationToken cancellationToken)
    {
        var task = await (
            from t in db.ComparisonTasks.AsNoTracking()
            where t.Id == lease.TaskId
            join prompt in db.Prompts on t.PromptId equals prompt.Id
            join a in db.Completions on t.CompletionAId equals a.Id
            join b in db.Completions on t.CompletionBId equals b.Id
            select new { t.Id, t.ProjectId, t.PromptId, Prompt = prompt.Text, A = a.Text, B = b.Text }).SingleAsync(cancellationToken);
        var swapped = PresentationOrder.IsSwapped(lease.AnnotatorId, task.Id);
        return new Comparison
        {
            TaskId = task.Id,
            ProjectId = task.ProjectId,
            PromptId = task.PromptId,
            LeaseToken = lease.Token,
            ExpiresAt = lease.ExpiresAt,
            Prompt = task.Prompt,
            First = swapped ? task.B : task.A,
            Second = swapped ? task.A : task.B,
            PresentedSwapped = swapped,
        };
    }

    private static async Task RequireAccessAsync(AppDbContext db, Guid projectId, Guid annotatorId, CancellationToken cancellationToken)
    {
        var allowed = await db.ProjectMembers.AnyAsync(m => m.ProjectId == projectId && m.UserId == annotatorId, cancellationToken)
            || await (from userRole in db.UserRoles
                      where userRole.UserId == annotatorId
                      join role in db.Roles on userRole.RoleId equals role.Id
                      where role.Name == AppRoles.Engineer || role.Name == AppRoles.Admin
                      select role.Id).AnyAsync(cancellationToken);
        if (!allowed)
        {
            throw new UnauthorizedAccessException($"annotator {annotatorId} is not a member of project {projectId}");
        }
    }
}
