using System.Data;
using System.Data.Common;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using Labeling.Web.Live;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
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

    // They all want the same first task: with more of them at once in the database, each mostly waits for the others and then finds its task taken.
    private const int ClaimsAtOnce = 4;

    private static readonly SemaphoreSlim s_claims = new(ClaimsAtOnce);

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
        var held = holding ?? [];
        var now = time.GetUtcNow();

        var roles = RolesThatSeeEverything(db, annotatorId);
        var lent = db.TaskLeases
            .Where(l => l.AnnotatorId == annotatorId && l.ExpiresAt > now && !held.Contains(l.TaskId)
                && db.ComparisonTasks.Any(t => t.Id == l.TaskId && t.ProjectId == projectId && t.Status == ComparisonTaskStatuses.Open))
            .OrderBy(l => l.ExpiresAt);

        // In one query: it stands before every comparison.
        var place = await (
            from project in db.Projects.AsNoTracking()
            where project.Id == projectId
            from lease in lent.Take(1).DefaultIfEmpty()
            select new
            {
                project.JudgmentsPerTask,
                IsAllowed = db.ProjectMembers.Any(m => m.ProjectId == project.Id && m.UserId == annotatorId) || roles.Any(),
                Own = lease,
            }).SingleOrDefaultAsync(cancellationToken);
        if (place is not { IsAllowed: true })
        {
            throw NoMember(annotatorId, projectId);
        }

        if (place.Own is { } own)
        {
            return await PresentAsync(db, own, cancellationToken);
        }

        var next = new NextTask(projectId, annotatorId, place.JudgmentsPerTask, [.. held.Concat(skipped.Of(annotatorId, projectId)).Distinct()]);
        await s_claims.WaitAsync(cancellationToken);
        try
        {
            return await ClaimAsync(db, next, cancellationToken);
        }
        finally
        {
            s_claims.Release();
        }
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
        await using var transaction = await BeginAsync(db, cancellationToken);
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

        var taken = await db.TaskLeases.Where(l => l.TaskId == last.TaskId).Select(l => l.Slot).ToListAsync(cancellationToken);
        var lease = AddLease(db, last.TaskId, annotatorId, taken, now);
        OutboxWriter.Add(db, new JudgmentRetracted { JudgmentId = last.Id, ProjectId = projectId });
        await db.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        projects.Changed(projectId);
        return await PresentAsync(db, lease, cancellationToken);
    }

    private async Task<(SubmitResult Result, Guid ProjectId)> SubmitOnceAsync(
        AppDbContext db, Guid annotatorId, Guid leaseToken, string choice, int durationMs, string source, Guid? projectId, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        await using var transaction = await BeginAsync(db, cancellationToken);
        var lent = await (
            from lease in db.TaskLeases.AsNoTracking()
            where lease.Token == leaseToken
            join t in db.ComparisonTasks on lease.TaskId equals t.Id
            join project in db.Projects on t.ProjectId equals project.Id
            join prompt in db.Prompts on t.PromptId equals prompt.Id
            select new { lease.AnnotatorId, lease.ExpiresAt, t.Id, t.ProjectId, project.JudgmentsPerTask, project.HeldOutFraction, PromptHash = prompt.ContentHash })
            .SingleOrDefaultAsync(cancellationToken);
        if (lent is null)
        {
            return (await FindEarlierAsync(db, annotatorId, leaseToken, projectId, cancellationToken), default);
        }

        if (lent.AnnotatorId != annotatorId || lent.ExpiresAt <= now)
        {
            return (new SubmitResult(lent.AnnotatorId != annotatorId ? SubmitOutcome.ForeignLease : SubmitOutcome.LeaseExpired), default);
        }

        if (projectId is not null && lent.ProjectId != projectId)
        {
            return (new SubmitResult(SubmitOutcome.UnknownLease), default);
        }

        // Counting takes the lock of the task's row.
        await db.ComparisonTasks.Where(t => t.Id == lent.Id).ExecuteUpdateAsync(
            set => set
                .SetProperty(t => t.JudgmentCount, t => t.JudgmentCount + 1)
                .SetProperty(t => t.Status, t => t.JudgmentCount + 1 >= lent.JudgmentsPerTask ? ComparisonTaskStatuses.Done : ComparisonTaskStatuses.Open),
            cancellationToken);
        if (await db.TaskLeases.Where(l => l.Token == leaseToken).ExecuteDeleteAsync(cancellationToken) == 0)
        {
            // The same submission, sent again while the first one was under way, waited here for it. What it has counted goes with its transaction.
            return (await FindEarlierAsync(db, annotatorId, leaseToken, projectId, cancellationToken), default);
        }

        var judgment = new Judgment
        {
            Id = Guid.CreateVersion7(now),
            TaskId = lent.Id,
            ProjectId = lent.ProjectId,
            AnnotatorId = annotatorId,
            Choice = choice,
            PresentedSwapped = PresentationOrder.IsSwapped(annotatorId, lent.Id),
            LeaseToken = leaseToken,
            Source = source,
            Split = JudgmentSplit.Of(lent.PromptHash, lent.HeldOutFraction),
            DurationMs = Math.Max(0, durationMs),
            CreatedAt = now,
            TraceParent = Activity.Current?.Id,
        };
        db.Add(judgment);
        OutboxWriter.Add(db, new JudgmentRecorded { JudgmentId = judgment.Id, TaskId = lent.Id, ProjectId = lent.ProjectId, AnnotatorId = annotatorId });
        await db.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return (new SubmitResult(SubmitOutcome.Recorded, judgment.Id, choice), lent.ProjectId);
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

    private async Task<Comparison?> ClaimAsync(AppDbContext db, NextTask next, CancellationToken cancellationToken)
    {
        var way = NextTask.Way.PassOver;
        for (var attempt = 1; attempt <= MaxAttempts; attempt++)
        {
            var (comparison, isFree) = await TryClaimAsync(db, next, way, cancellationToken);
            if (comparison is not null || (!isFree && way == NextTask.Way.Wait))
            {
                return comparison;
            }

            way = isFree ? NextTask.Way.Any : NextTask.Way.Wait;
        }

        return null;
    }

    private async Task<(Comparison? Comparison, bool IsFree)> TryClaimAsync(AppDbContext db, NextTask next, NextTask.Way way, CancellationToken cancellationToken)
    {
        try
        {
            var now = time.GetUtcNow();
            await using var transaction = await BeginAsync(db, cancellationToken);
            if (await next.LockAsync(db, now, way, cancellationToken) is not { } taskId)
            {
                return (null, false);
            }

            // Counted again under the lock: the search may have seen an older state.
            var found = await (
                from t in db.ComparisonTasks.AsNoTracking()
                where t.Id == taskId
                join prompt in db.Prompts on t.PromptId equals prompt.Id
                join a in db.Completions on t.CompletionAId equals a.Id
                join b in db.Completions on t.CompletionBId equals b.Id
                join l in db.TaskLeases on t.Id equals l.TaskId into leases
                from l in leases.DefaultIfEmpty()
                select new { Task = t, Texts = new Texts(t.Id, t.ProjectId, t.PromptId, prompt.Text, a.Text, b.Text), Lease = l }).ToListAsync(cancellationToken);
            var (task, texts) = (found[0].Task, found[0].Texts);
            var lent = found.FindAll(row => row.Lease?.ExpiresAt > now).ConvertAll(row => row.Lease.Slot);
            if (found.Exists(row => row.Lease?.ExpiresAt <= now))
            {
                await db.TaskLeases.Where(l => l.TaskId == taskId && l.ExpiresAt <= now).ExecuteDeleteAsync(cancellationToken);
            }

            if (task.Status != ComparisonTaskStatuses.Open || task.JudgmentCount + lent.Count >= next.JudgmentsPerTask)
            {
                return (null, true);
            }

            var lease = AddLease(db, taskId, next.AnnotatorId, lent, now);
            await db.SaveChangesAsync(cancellationToken);
            await transaction.CommitAsync(cancellationToken);
            return (Present(texts, lease), true);
        }
        catch (Exception exception) when (exception is DbUpdateException || exception is DbException { IsTransient: false })
        {
            // Another tab of the same annotator was faster.
            db.ChangeTracker.Clear();
            return (null, true);
        }
    }

    // A failure gives the whole transaction up, so there is nothing to go back to.
    private static Task<IDbContextTransaction> BeginAsync(AppDbContext db, CancellationToken cancellationToken)
    {
        db.Database.AutoSavepointsEnabled = false;
        return db.Database.BeginTransactionAsync(IsolationLevel.ReadCommitted, cancellationToken);
    }

    private static TaskLease AddLease(AppDbContext db, Guid taskId, Guid annotatorId, List<int> taken, DateTimeOffset now)
    {
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

    private static async Task<Comparison> PresentAsync(AppDbContext db, TaskLease lease, CancellationToken cancellationToken) => Present(
        await (
            from t in db.ComparisonTasks.AsNoTracking()
            where t.Id == lease.TaskId
            join prompt in db.Prompts on t.PromptId equals prompt.Id
            join a in db.Completions on t.CompletionAId equals a.Id
            join b in db.Completions on t.CompletionBId equals b.Id
            select new Texts(t.Id, t.ProjectId, t.PromptId, prompt.Text, a.Text, b.Text)).SingleAsync(cancellationToken),
        lease);

    private static Comparison Present(Texts texts, TaskLease lease)
    {
        var swapped = PresentationOrder.IsSwapped(lease.AnnotatorId, texts.TaskId);
        return new Comparison
        {
            TaskId = texts.TaskId,
            ProjectId = texts.ProjectId,
            PromptId = texts.PromptId,
            LeaseToken = lease.Token,
            ExpiresAt = lease.ExpiresAt,
            Prompt = texts.Prompt,
            First = swapped ? texts.B : texts.A,
            Second = swapped ? texts.A : texts.B,
            PresentedSwapped = swapped,
        };
    }

    private sealed record Texts(Guid TaskId, Guid ProjectId, Guid PromptId, string Prompt, string A, string B);

    private static async Task RequireAccessAsync(AppDbContext db, Guid projectId, Guid annotatorId, CancellationToken cancellationToken)
    {
        if (!await db.ProjectMembers.AnyAsync(m => m.ProjectId == projectId && m.UserId == annotatorId, cancellationToken)
            && !await RolesThatSeeEverything(db, annotatorId).AnyAsync(cancellationToken))
        {
            throw NoMember(annotatorId, projectId);
        }
    }

    private static IQueryable<Guid> RolesThatSeeEverything(AppDbContext db, Guid annotatorId) =>
        from userRole in db.UserRoles
        where userRole.UserId == annotatorId
        join role in db.Roles on userRole.RoleId equals role.Id
        where role.Name == AppRoles.Engineer || role.Name == AppRoles.Admin
        select role.Id;

    private static UnauthorizedAccessException NoMember(Guid annotatorId, Guid projectId) => new($"annotator {annotatorId} is not a member of project {projectId}");
}
