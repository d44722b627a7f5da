using Microsoft.EntityFrameworkCore;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Data.Entities;

namespace Labeling.Web.Features.Labeling;

/// <summary>Makes comparisons out of the completions of a sampling run, or of the two policies of an evaluation.</summary>
public static class ComparisonTaskFactory
{
    /// <summary>
    /// Adds one task for every pair of completions of one prompt whose texts differ; equal texts would ask for a judgment that teaches
    /// nothing. Adds nothing for a run that already has tasks, so a message that comes twice changes nothing. The caller saves.
    /// </summary>
    public static async Task<int> AddFromRunAsync(
        AppDbContext db, Guid projectId, Guid runId, int round, DateTimeOffset now, CancellationToken cancellationToken = default)
    {
        // Of a message, the sweep and other replicas, one at a time looks whether the run has tasks already.
        await db.Runs.Where(r => r.Id == runId).ExecuteUpdateAsync(set => set.SetProperty(r => r.Seed, r => r.Seed), cancellationToken);
        var completions = await (
            from completion in db.Completions.AsNoTracking()
            join prompt in db.Prompts on completion.PromptId equals prompt.Id
            where completion.RunId == runId && prompt.ProjectId == projectId
            orderby prompt.Sequence, prompt.Id, completion.Index
            select completion).ToListAsync(cancellationToken);
        var exists = await db.ComparisonTasks.AnyAsync(
            t => t.ProjectId == projectId && db.Completions.Any(c => c.Id == t.CompletionAId && c.RunId == runId), cancellationToken);
        if (exists)
        {
            return 0;
        }

        var isEvaluation = await db.Runs.AnyAsync(r => r.Id == runId && r.Kind == RunKinds.Eval, cancellationToken);
        var sequence = await db.ComparisonTasks.Where(t => t.ProjectId == projectId).MaxAsync(t => (long?)t.Sequence, cancellationToken) ?? 0;
        var added = 0;
        foreach (var answers in completions.GroupBy(c => c.PromptId))
        {
            foreach (var (a, b) in DifferentPairs([.. answers]))
            {
                db.ComparisonTasks.Add(new ComparisonTask
                {
                    Id = Guid.CreateVersion7(now),
                    ProjectId = projectId,
                    PromptId = a.PromptId,
                    CompletionAId = a.Id,
                    CompletionBId = b.Id,
                    Round = round,
                    EvaluationRunId = isEvaluation ? runId : null,
                    CreatedAt = now,
                    Sequence = ++sequence,
                });
                added++;
            }
        }

        return added;
    }

    // Every text takes part once, with its first completion: pairs of pairs of equal texts would be the same question again.
    private static IEnumerable<(Completion A, Completion B)> DifferentPairs(IReadOnlyList<Completion> answers)
    {
        var distinct = answers.DistinctBy(c => c.Text.Trim(), StringComparer.Ordinal).ToList();
        for (var i = 0; i < distinct.Count; i++)
        {
            for (var j = i + 1; j < distinct.Count; j++)
            {
                yield return (distinct[i], distinct[j]);
            }
        }
    }
}
