using Microsoft.EntityFrameworkCore;
using Rlhf.Contracts.Labeling;
using Rlhf.Contracts.Sampling;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Data.Entities;
using Rlhf.Modeling.Checkpoints;
using Rlhf.Numerics;
using Rlhf.TaskFamilies;
using Rlhf.Training.Evaluation;
using Rlhf.Training.Hyperparameters;
using Rlhf.Training.Publishing;
using Rlhf.Training.Runs;

namespace Trainer.Service.Evaluation;

/// <summary>
/// Measures a published policy, and its answers to the project's held-out prompts against a baseline's. The results, and the answers that people are to
/// compare, are written with the run's completion: an interrupted run starts again and gives the same.
/// </summary>
public sealed class EvalRunExecutor(IDbContextFactory<AppDbContext> contexts, CheckpointStore store, TimeProvider clock) : IRunExecutor
{
    // Beside the streams of the evaluation itself.
    private const ulong SideStream = 1UL << 63;

    /// <inheritdoc/>
    public string Kind => RunKinds.Eval;

    /// <inheritdoc/>
    public void Execute(RunContext context)
    {
        var run = context.Run;
        var config = HyperparametersJson.Read<EvaluationConfig>(run.ConfigJson);
        var (policyRow, baselineRow, rewardRow, prompts) = Load(run, config);
        using var policy = Open(policyRow);
        using var baseline = baselineRow is null ? null : Open(baselineRow);
        using var reward = rewardRow is null || baseline is null ? null : PretrainedModel.LoadScalar(store.Verify(rewardRow.Path, rewardRow.ContentHash));
        var inputs = new EvaluationInputs { Comparisons = prompts.Count == 0 ? null : [.. prompts.Select(ToComparison)] };
        var evaluation = new ModelEvaluation(policy, config, inputs, (ulong)run.Seed, context.Stop);
        var steps = 0;
        var measures = evaluation.Measure((_, number, count) =>
        {
            steps = count + (baseline is null ? 0 : 1);
            context.Report(number, steps, new Dictionary<string, double>());
        }).ToList();
        PolicyComparison? comparison = null;
        if (baseline is not null)
        {
            context.Report(steps - 1, steps, new Dictionary<string, double>());
            comparison = evaluation.Compare(baseline, reward);
            measures.AddRange(comparison.Measures);
        }

        context.Report(steps, steps, new Dictionary<string, double>());
        var completions = comparison is null || prompts.Count == 0 ? [] : BlindCompletions(run, comparison, prompts, config.BlindComparisons);
        context.Complete(db => Write(db, run, measures, completions, clock.GetUtcNow()));
    }

    private static void Write(AppDbContext db, Run run, List<EvaluationMeasure> measures, List<Completion> completions, DateTimeOffset now)
    {
        db.EvaluationResults.AddRange(measures.Select(m => new EvaluationResult
        {
            RunId = run.Id,
            CheckpointId = run.PolicyCheckpointId!.Value,
            BaselineCheckpointId = m.Task == WinRateNames.Task ? run.BaselineCheckpointId : null,
            Task = m.Task,
            Variant = m.Variant,
            Metric = m.Metric,
            Value = m.Value,
            Low = m.Low,
            High = m.High,
            Count = m.Count,
            Seed = run.Seed,
            CreatedAt = now,
        }));
        if (completions.Count == 0)
        {
            return;
        }

        foreach (var completion in completions)
        {
            completion.CreatedAt = now;
        }

        db.Completions.AddRange(completions);
        OutboxWriter.Add(db, new CompletionsSampled
        {
            RunId = run.Id,
            ProjectId = run.ProjectId,
            CycleId = run.CycleId,
            CheckpointId = run.PolicyCheckpointId!.Value,

            // Handed out with the newest comparisons of the loop.
            Round = db.Cycles.Where(c => c.ProjectId == run.ProjectId).Max(c => (int?)c.Number) ?? 0,
        });
    }

    // Which of the two is answer A is drawn for each prompt, so that nothing about a comparison tells whose answer is whose.
    private static List<Completion> BlindCompletions(Run run, PolicyComparison comparison, List<Prompt> prompts, int count)
    {
        var completions = new List<Completion>();
        for (var i = 0; i < Math.Min(count, prompts.Count); i++)
        {
            var policyIsB = new Philox((ulong)run.Seed, SideStream + (ulong)i).Chance(0.5);
            Add(prompts[i], run.PolicyCheckpointId, comparison.First[i], policyIsB ? 1 : 0);
            Add(prompts[i], run.BaselineCheckpointId, comparison.Second[i], policyIsB ? 0 : 1);
        }

        return completions;

        void Add(Prompt prompt, Guid? checkpoint, ModelAnswer answer, int index) => completions.Add(new Completion
        {
            PromptId = prompt.Id,
            CheckpointId = checkpoint,
            Text = answer.Text,
            FinishReason = answer.FinishReason,
            RunId = run.Id,
            Index = index,
        });
    }

    private static ComparisonPrompt ToComparison(Prompt prompt) =>
        new(prompt.Text, prompt is { Family: { } family, SpecJson: { } spec } ? new TaskPrompt(family, prompt.Text, spec) : null);

    private EvaluatedModel Open(Checkpoint checkpoint) => EvaluatedModel.Load(store.Verify(checkpoint.Path, checkpoint.ContentHash));

    private (Checkpoint Policy, Checkpoint? Baseline, Checkpoint? Reward, List<Prompt> Prompts) Load(Run run, EvaluationConfig config)
    {
        using var db = contexts.CreateDbContext();
        var checkpoints = db.Checkpoints.AsNoTracking();
        return (
            checkpoints.Single(c => c.Id == run.PolicyCheckpointId),
            checkpoints.SingleOrDefault(c => c.Id == run.BaselineCheckpointId),
            checkpoints.SingleOrDefault(c => c.Id == run.RewardCheckpointId),
            db.Prompts.AsNoTracking()
                .Where(p => p.ProjectId == run.ProjectId && p.Split == Splits.HeldOut)
                .OrderBy(p => p.Sequence)
                .Take(Math.Max(config.Limit, config.BlindComparisons))
                .ToList());
    }
}
