using Microsoft.EntityFrameworkCore;
using Rlhf.Contracts.Labeling;
using Rlhf.Contracts.Training;
using Rlhf.Data;

namespace Labeling.Web.Features.Evaluations;

/// <summary>The comparisons of a project's checkpoints, as games that ratings are made of.</summary>
internal static class EvaluationGames
{
    /// <summary>One judged comparison of two checkpoints' answers.</summary>
    /// <param name="First">A checkpoint.</param>
    /// <param name="Second">Another one.</param>
    /// <param name="Score">1 if the first's answer was better, 0 if the second's was, ½ for a tie.</param>
    /// <param name="LengthDifference">Characters of the first's answer less those of the second's.</param>
    /// <param name="Prompt">The prompt: several judgments about one are no independent evidence.</param>
    internal sealed record Judged(Guid First, Guid Second, double Score, int LengthDifference, Guid Prompt);

    /// <summary>What people (or the simulated annotator) judged.</summary>
    public static async Task<List<Judged>> JudgedAsync(AppDbContext db, Guid projectId, string source, CancellationToken cancellationToken)
    {
        var rows = await (
            from judgment in db.Judgments.AsNoTracking()
            where judgment.ProjectId == projectId && judgment.RetractedAt == null && judgment.Source == source
            join task in db.ComparisonTasks on judgment.TaskId equals task.Id
            join a in db.Completions on task.CompletionAId equals a.Id
            join b in db.Completions on task.CompletionBId equals b.Id
            where a.CheckpointId != null && b.CheckpointId != null && a.CheckpointId != b.CheckpointId
            orderby task.Sequence, judgment.Id
            select new { A = a.CheckpointId!.Value, B = b.CheckpointId!.Value, judgment.Choice, Difference = a.Text.Length - b.Text.Length, task.PromptId }).ToListAsync(cancellationToken);
        return [.. rows.Select(r => new Judged(r.A, r.B, r.Choice switch { Choices.A => 1, Choices.B => 0, _ => 0.5 }, r.Difference, r.PromptId))];
    }

    /// <summary>
    /// What a program judged in evaluations, the last one of each pair of checkpoints. A result keeps a rate and a count only, so its ties are wins and losses
    /// in equal number.
    /// </summary>
    public static async Task<List<(Guid First, Guid Second, double Score)>> MeasuredAsync(AppDbContext db, Guid projectId, string judge, CancellationToken cancellationToken)
    {
        var results = await (
            from result in db.EvaluationResults.AsNoTracking()
            join run in db.Runs on result.RunId equals run.Id
            where run.ProjectId == projectId && result.Task == WinRateNames.Task && result.Metric == WinRateNames.Metric && result.Variant == judge && result.BaselineCheckpointId != null
            orderby result.CreatedAt, result.RunId
            select result).ToListAsync(cancellationToken);
        var games = new List<(Guid, Guid, double)>();
        foreach (var result in results.GroupBy(r => (r.CheckpointId, r.BaselineCheckpointId)).Select(g => g.Last()))
        {
            var wins = Math.Round(2 * result.Value * result.Count) / 2;
            for (var i = 0; i < result.Count; i++)
            {
                games.Add((result.CheckpointId, result.BaselineCheckpointId!.Value, Math.Clamp(wins - i, 0, 1)));
            }
        }

        return games;
    }
}
