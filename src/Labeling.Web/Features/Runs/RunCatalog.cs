using Microsoft.EntityFrameworkCore;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Data.Entities;

namespace Labeling.Web.Features.Runs;

/// <summary>A run in a list, with its project's name.</summary>
public sealed record RunRow(Run Run, string ProjectName, string ProjectSlug);

/// <summary>Which runs to list; null means any.</summary>
public sealed record RunFilter
{
    public string? Project { get; init; }

    public string? Kind { get; init; }

    public string? Status { get; init; }

    public int Skip { get; init; }

    public int Take { get; init; } = 50;
}

/// <summary>A completion that a sampling run wrote.</summary>
public sealed record SampleRow(string Prompt, string Completion, string FinishReason);

/// <summary>The points of one metric at one step.</summary>
public sealed record CurvePoint(int Step, string Name, double Value);

/// <summary>Reads runs for the pages, and asks for their cancellation or continuation.</summary>
public sealed class RunCatalog(IDbContextFactory<AppDbContext> contexts, TimeProvider time)
{
    /// <summary>Runs, newest first.</summary>
    public async Task<IReadOnlyList<RunRow>> ListAsync(RunFilter filter, CancellationToken cancellationToken = default)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var rows = from run in db.Runs.AsNoTracking()
                   join project in db.Projects on run.ProjectId equals project.Id
                   where (filter.Project == null || project.Slug == filter.Project)
                       && (filter.Kind == null || run.Kind == filter.Kind)
                       && (filter.Status == null || run.Status == filter.Status)
                   orderby run.CreatedAt descending, run.Id descending
                   select new { run, project.Name, project.Slug };
        return [.. (await rows.Skip(filter.Skip).Take(filter.Take).ToListAsync(cancellationToken)).Select(r => new RunRow(r.run, r.Name, r.Slug))];
    }

    /// <summary>One run, or null.</summary>
    public async Task<RunRow?> FindAsync(Guid id, CancellationToken cancellationToken = default)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var row = await (from run in db.Runs.AsNoTracking()
                         join project in db.Projects on run.ProjectId equals project.Id
                         where run.Id == id
                         select new { run, project.Name, project.Slug }).SingleOrDefaultAsync(cancellationToken);
        return row is null ? null : new RunRow(row.run, row.Name, row.Slug);
    }

    /// <summary>The points after a step, ordered by step.</summary>
    public async Task<IReadOnlyList<CurvePoint>> PointsAsync(Guid runId, int afterStep, CancellationToken cancellationToken = default)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await db.Metrics.AsNoTracking()
            .Where(p => p.RunId == runId && p.Step > afterStep)
            .OrderBy(p => p.Step).ThenBy(p => p.Name)
            .Select(p => new CurvePoint(p.Step, p.Name, p.Value))
            .ToListAsync(cancellationToken);
    }

    /// <summary>The calibration that a reward-model run measured at its end, or null.</summary>
    public async Task<Calibration?> CalibrationAsync(Guid runId, CancellationToken cancellationToken = default)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        string[] names = [CalibrationNames.Ece, CalibrationNames.CalibratedEce, CalibrationNames.Temperature];
        var last = await db.Metrics.AsNoTracking().Where(p => p.RunId == runId && p.Name == CalibrationNames.Ece).MaxAsync(p => (int?)p.Step, cancellationToken);
        return Calibration.Of(await db.Metrics.AsNoTracking()
            .Where(p => p.RunId == runId && p.Step == last && (names.Contains(p.Name) || p.Name.StartsWith(CalibrationNames.BinPrefix)))
            .ToDictionaryAsync(p => p.Name, p => p.Value, StringComparer.Ordinal, cancellationToken));
    }

    /// <summary>The first completions of a sampling run.</summary>
    public async Task<IReadOnlyList<SampleRow>> SamplesAsync(Guid runId, int count, CancellationToken cancellationToken = default)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await (from completion in db.Completions.AsNoTracking()
                      where completion.RunId == runId
                      join prompt in db.Prompts on completion.PromptId equals prompt.Id
                      orderby prompt.Sequence, completion.Index
                      select new SampleRow(prompt.Text, completion.Text, completion.FinishReason)).Take(count).ToListAsync(cancellationToken);
    }

    /// <summary>Asks the service that runs it to stop the run.</summary>
    public async Task RequestCancelAsync(Guid runId, CancellationToken cancellationToken = default)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        OutboxWriter.Add(db, new CancelRun { RunId = runId });
        await db.SaveChangesAsync(cancellationToken);
    }

    /// <summary>
    /// Puts a failed or cancelled run back into the queue; a worker goes on from its last saved state. False if the run is in another
    /// state by now.
    /// </summary>
    public async Task<bool> ResumeAsync(Guid runId, CancellationToken cancellationToken = default)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var run = await db.Runs.SingleOrDefaultAsync(r => r.Id == runId, cancellationToken);
        if (run is null || run.Status is not (RunStatuses.Failed or RunStatuses.Cancelled))
        {
            return false;
        }

        run.Status = RunStatuses.Queued;
        run.Attempt = 0;
        run.Error = null;
        run.CancelRequested = false;
        run.LeaseOwner = null;
        run.LeaseExpiresAt = null;
        run.FinishedAt = null;

        // A cycle that ended with this run takes it up again.
        if (run.CycleId is { } cycleId
            && await db.Cycles.SingleOrDefaultAsync(c => c.Id == cycleId && c.Status == CycleStatuses.Failed, cancellationToken) is { } cycle)
        {
            cycle.Status = run.Kind switch
            {
                RunKinds.RewardModel => CycleStatuses.RewardModel,
                RunKinds.Sample => CycleStatuses.Sampling,
                _ => CycleStatuses.Ppo,
            };
            cycle.FinishedAt = null;
            cycle.Reason = null;
            db.CycleDecisions.Add(new CycleDecision
            {
                ProjectId = run.ProjectId, CycleId = cycle.Id, Decision = "resumed", CreatedAt = time.GetUtcNow(),
            });
        }

        try
        {
            await db.SaveChangesAsync(cancellationToken);
            return true;
        }
        catch (DbUpdateConcurrencyException)
        {
            return false;
        }
    }
}
