using System.Security.Cryptography;
using System.Text;
using Microsoft.EntityFrameworkCore;
using Rlhf.Data;
using Rlhf.Data.Entities;

namespace Rlhf.Training.Runs;

/// <summary>A judgment with the texts it is about.</summary>
/// <param name="Judgment">The judgment.</param>
/// <param name="Prompt">The prompt's text.</param>
/// <param name="A">The completion shown as A.</param>
/// <param name="B">The completion shown as B.</param>
public sealed record RunComparison(Judgment Judgment, string Prompt, Completion A, Completion B);

/// <summary>The judgments that a run learns from.</summary>
public static class RunComparisons
{
    /// <summary>Those of the run's cycle and all earlier ones that were not taken back; of the whole project for a run outside a cycle.</summary>
    public static List<RunComparison> Load(AppDbContext db, Run run)
    {
        ArgumentNullException.ThrowIfNull(db);
        ArgumentNullException.ThrowIfNull(run);
        var judgments = db.Judgments.Where(j => j.ProjectId == run.ProjectId && j.RetractedAt == null);
        if (run.CycleId is { } cycleId)
        {
            var number = db.Cycles.Where(c => c.Id == cycleId).Select(c => c.Number).Single();
            judgments = judgments.Where(j => db.Cycles.Any(c => c.Id == j.CycleId && c.Number <= number));
        }

        // By the task's number, not by time: the same judgments in another order of arrival train the same model.
        return (
            from judgment in judgments
            join task in db.ComparisonTasks on judgment.TaskId equals task.Id
            where task.EvaluationRunId == null
            join prompt in db.Prompts on task.PromptId equals prompt.Id
            join a in db.Completions on task.CompletionAId equals a.Id
            join b in db.Completions on task.CompletionBId equals b.Id
            orderby task.Sequence, judgment.Id
            select new RunComparison(judgment, prompt.Text, a, b)).AsNoTracking().ToList();
    }

    /// <summary>Records what the run was trained on: a hash of the texts, and each judgment, so that taking one back finds what descends from it.</summary>
    public static void Record(RunContext context, IReadOnlyCollection<RunComparison> comparisons)
    {
        ArgumentNullException.ThrowIfNull(context);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var c in comparisons)
        {
            hash.AppendData(Encoding.UTF8.GetBytes($"{c.Prompt}\0{c.A.Text}\0{c.B.Text}\0{c.Judgment.Choice}\0{c.Judgment.Split}\0"));
        }

        var dataHash = Convert.ToHexStringLower(hash.GetHashAndReset());
        context.Save(db =>
        {
            db.Runs.Single(r => r.Id == context.Run.Id).DataHash = dataHash;
            var known = db.RunJudgments.Where(r => r.RunId == context.Run.Id).Select(r => r.JudgmentId).ToHashSet();
            db.RunJudgments.AddRange(comparisons.Where(c => !known.Contains(c.Judgment.Id)).Select(c => new RunJudgment { RunId = context.Run.Id, JudgmentId = c.Judgment.Id }));
        });
    }
}
