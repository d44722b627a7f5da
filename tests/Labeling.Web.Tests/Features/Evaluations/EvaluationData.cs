using Rlhf.Contracts.Training;
using Rlhf.Data.Entities;

namespace Labeling.Web.Tests.Features.Evaluations;

/// <summary>Policies and what was measured of them.</summary>
internal static class EvaluationData
{
    public static (Guid First, Guid Second) AddPolicies(this LabelingDatabase database)
    {
        using var db = database.CreateDbContext();
        var rows = Enumerable.Range(0, 2).Select(v => new Checkpoint
        {
            ProjectId = database.Project.Id, Kind = CheckpointKinds.Policy, Version = v, Path = $"p{v}", ContentHash = $"{v}", CreatedAt = database.Time.GetUtcNow(),
        }).ToArray();
        db.Checkpoints.AddRange(rows);
        db.SaveChanges();
        return (rows[0].Id, rows[1].Id);
    }

    public static Guid AddEvalRun(this LabelingDatabase database, Guid policy, Guid? baseline, string status)
    {
        using var db = database.CreateDbContext();
        var run = new Run
        {
            ProjectId = database.Project.Id, Kind = RunKinds.Eval, CommandId = Guid.CreateVersion7(), Status = status, PolicyCheckpointId = policy, BaselineCheckpointId = baseline,
        };
        db.Runs.Add(run);
        db.SaveChanges();
        return run.Id;
    }

    /// <summary>A win rate by the checker, over 20 prompts.</summary>
    public static void AddEvaluation(this LabelingDatabase database, Guid policy, Guid baseline, double winRate, int hour) =>
        database.AddResult(policy, baseline, WinRateNames.Task, WinRateNames.Checker, WinRateNames.Metric, winRate, count: 20, hour);

    /// <summary>One number with the interval from 0 to 1.</summary>
    public static void AddResult(
        this LabelingDatabase database, Guid policy, Guid? baseline, string task, string variant, string metric, double value, int count, int hour = 0)
    {
        var run = database.AddEvalRun(policy, baseline, RunStatuses.Completed);
        using var db = database.CreateDbContext();
        db.EvaluationResults.Add(new EvaluationResult
        {
            RunId = run, CheckpointId = policy, BaselineCheckpointId = baseline, Task = task, Variant = variant, Metric = metric,
            Value = value, Low = 0, High = 1, Count = count, Seed = 1, CreatedAt = database.Time.GetUtcNow().AddHours(hour),
        });
        db.SaveChanges();
    }
}
