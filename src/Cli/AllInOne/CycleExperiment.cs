using Microsoft.EntityFrameworkCore;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Data.Entities;
using Rlhf.Modeling.Generation;
using Rlhf.TaskFamilies;
using Rlhf.Training.Metrics;
using Rlhf.Training.Publishing;

namespace Rlhf.Cli.AllInOne;

/// <summary>
/// One cycle of a fresh project with a simulated annotator, through the same services, messages and runs as in the browser, and the
/// verdict on it. A cycle that was interrupted goes on where it was.
/// </summary>
internal sealed class CycleExperiment(
    CycleSettings settings, string modelDirectory, ProjectSeeder seeder, SimulatedSession annotators, IDbContextFactory<AppDbContext> contexts, CheckpointStore store)
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(200);

    public async Task<SeedResult> RunAsync(ulong seed, CycleBars bars, CancellationToken stop)
    {
        var (project, prompts, verdictPrompts) = DemoProjects.Simulated(seed, settings);
        var projectId = await seeder.CreateAsync(project, prompts, modelDirectory, stop);
        await WaitForFirstAnswersAsync(projectId, bars, stop);
        await annotators.AnnotateAsync(projectId, settings.Judgments, seed, done => bars.Set("judgments", done, settings.Judgments), stop);
        var cycle = await WaitForCycleAsync(projectId, bars, stop);
        return await JudgeAsync(seed, cycle, verdictPrompts, bars, stop);
    }

    private async Task WaitForFirstAnswersAsync(Guid projectId, CycleBars bars, CancellationToken stop)
    {
        while (true)
        {
            await using (var db = await contexts.CreateDbContextAsync(stop))
            {
                var run = await db.Runs.AsNoTracking().Where(r => r.ProjectId == projectId && r.Kind == RunKinds.Sample).OrderBy(r => r.CreatedAt).FirstOrDefaultAsync(stop);
                ThrowIfFailed(run);
                Show(bars, "first answers", run);
                if (await db.ComparisonTasks.AnyAsync(t => t.ProjectId == projectId, stop))
                {
                    return;
                }
            }

            await Task.Delay(Poll, stop);
        }
    }

    private async Task<Cycle> WaitForCycleAsync(Guid projectId, CycleBars bars, CancellationToken stop)
    {
        while (true)
        {
            await using (var db = await contexts.CreateDbContextAsync(stop))
            {
                var cycle = await db.Cycles.AsNoTracking().SingleOrDefaultAsync(c => c.ProjectId == projectId && c.Number == 1, stop);
                if (cycle is not null)
                {
                    await ShowAsync(db, bars, "reward model", cycle.RewardRunId, MetricNames.RewardAccuracy, "accuracy", stop);
                    await ShowAsync(db, bars, "PPO", cycle.PpoRunId, MetricNames.Scores, "score", stop);
                    await ShowAsync(db, bars, "new answers", cycle.SampleRunId, metric: null, label: null, stop);
                    switch (cycle.Status)
                    {
                        case CycleStatuses.Completed:
                            return cycle;
                        case CycleStatuses.Halted or CycleStatuses.Failed:
                            throw new UserException($"the cycle ended early ({cycle.Status}): {cycle.Reason}");
                    }
                }
            }

            await Task.Delay(Poll, stop);
        }
    }

    private async Task<SeedResult> JudgeAsync(ulong seed, Cycle cycle, IReadOnlyList<TaskPrompt> prompts, CycleBars bars, CancellationToken stop)
    {
        await using var db = await contexts.CreateDbContextAsync(stop);
        var ppo = await db.Runs.AsNoTracking().SingleAsync(r => r.Id == cycle.PpoRunId, stop);
        var oldPolicy = await db.Checkpoints.AsNoTracking().SingleAsync(c => c.Id == ppo.PolicyCheckpointId, stop);
        var newPolicy = await db.Checkpoints.AsNoTracking().SingleAsync(c => c.Id == ppo.OutputCheckpointId, stop);
        var parameters = new SamplingParameters { MaxNewTokens = DemoProjects.AnswerTokens, Temperature = 1.0 };
        var oldDirectory = store.Verify(oldPolicy.Path, oldPolicy.ContentHash);
        var newDirectory = store.Verify(newPolicy.Path, newPolicy.ContentHash);

        // Three independent draws: the third gives the baseline, the old policy against itself.
        var scores = new double[3][];
        for (var i = 0; i < scores.Length; i++)
        {
            bars.Set("verdict", i, scores.Length);
            var (draw, directory) = (i, i == 1 ? newDirectory : oldDirectory);
            scores[i] = await Task.Run(() => HeldOutVerdict.Scores(directory, prompts, parameters, seed: (seed * 3) + (ulong)draw, stop), stop);
        }

        bars.Set("verdict", scores.Length, scores.Length);
        var accuracy = await db.Metrics.Where(m => m.RunId == cycle.RewardRunId && m.Name == MetricNames.RewardEvaluationAccuracy)
            .OrderByDescending(m => m.Step).Select(m => (double?)m.Value).FirstOrDefaultAsync(stop) ?? double.NaN;
        var decided = await db.Metrics.Where(m => m.RunId == cycle.RewardRunId && m.Name == MetricNames.RewardEvaluationDecided)
            .OrderByDescending(m => m.Step).Select(m => m.Value).FirstOrDefaultAsync(stop);
        var kl = await db.Metrics.Where(m => m.RunId == cycle.PpoRunId && m.Name == MetricNames.Kl).OrderByDescending(m => m.Step).Select(m => m.Value).FirstAsync(stop);
        return new SeedResult(
            seed,
            double.IsNaN(accuracy) ? 0 : Math.Round(accuracy * decided),
            decided,
            kl,
            HeldOutVerdict.Preferences(scores[1], scores[0]),
            HeldOutVerdict.Preferences(scores[2], scores[0]),
            scores[0].Average(),
            scores[1].Average());
    }

    private static async Task ShowAsync(AppDbContext db, CycleBars bars, string stage, Guid? runId, string? metric, string? label, CancellationToken stop)
    {
        var run = await db.Runs.AsNoTracking().SingleOrDefaultAsync(r => r.Id == runId, stop);
        var value = metric is null ? null : await db.Metrics.Where(m => m.RunId == runId && m.Name == metric).OrderByDescending(m => m.Step).Select(m => (double?)m.Value).FirstOrDefaultAsync(stop);
        Show(bars, stage, run, value is null ? null : FormattableString.Invariant($"{label} {value:F2}"));
    }

    private static void Show(CycleBars bars, string stage, Run? run, string? detail = null)
    {
        if (run is { TotalSteps: > 0 })
        {
            bars.Set(stage, run.Status == RunStatuses.Completed ? run.TotalSteps : run.Step, run.TotalSteps, detail);
        }
    }

    private static void ThrowIfFailed(Run? run)
    {
        if (run is { Status: RunStatuses.Failed })
        {
            throw new UserException($"the {run.Kind} run failed at step {run.Step}: {run.Error}");
        }
    }
}
