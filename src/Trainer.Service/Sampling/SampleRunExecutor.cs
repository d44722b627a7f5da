using Microsoft.EntityFrameworkCore;
using Rlhf.Contracts.Labeling;
using Rlhf.Contracts.Sampling;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Data.Entities;
using Rlhf.Modeling.Checkpoints;
using Rlhf.Modeling.Generation;
using Rlhf.Modeling.Tokenization;
using Rlhf.Training.Batching;
using Rlhf.Training.Hyperparameters;
using Rlhf.Training.Metrics;
using Rlhf.Training.Publishing;
using Rlhf.Training.Runs;

namespace Trainer.Service.Sampling;

/// <summary>Samples answers from a published policy. Nothing is stored before all are there, and the seed decides them: an interrupted run starts again and gives the same.</summary>
public sealed class SampleRunExecutor(IDbContextFactory<AppDbContext> contexts, CheckpointStore store, TimeProvider clock) : IRunExecutor
{
    /// <inheritdoc/>
    public string Kind => RunKinds.Sample;

    /// <inheritdoc/>
    public void Execute(RunContext context)
    {
        var run = context.Run;
        var config = HyperparametersJson.Read<SamplingConfig>(run.ConfigJson);
        var (checkpoint, round, prompts) = Load(run, config);
        var directory = store.Verify(checkpoint.Path, checkpoint.ContentHash);
        var tokenizer = Tokenizer.Load(directory);
        using var policy = PretrainedModel.LoadCausal(directory);
        var encoder = new DialogueEncoder(tokenizer, policy.Config.MaxPositionEmbeddings);
        var parameters = config.Parameters();
        var generator = new Generator(policy, options: new GeneratorOptions { MaxBatchSize = config.BatchSize });
        var encoded = prompts.Select(p => encoder.EncodePrompt(p.Text, config.MaxNewTokens)).ToArray();
        var total = prompts.Count * config.CompletionsPerPrompt;
        var (finished, ended, tokens) = (0, 0, 0L);
        var sequences = generator.Generate(encoded, parameters, (ulong)run.Seed, ct: context.Stop, onToken: Count);
        var completions = sequences.Select((sequence, index) => new Completion
        {
            PromptId = prompts[index / config.CompletionsPerPrompt].Id,
            CheckpointId = checkpoint.Id,
            Text = tokenizer.Decode(sequence.Ids).Trim(),
            FinishReason = sequence.FinishReason,
            Logprob = sequence.Logprobs.Sum(l => (double)l),
            RunId = run.Id,
            Index = index,
        }).ToList();

        context.Complete(db =>
        {
            var now = clock.GetUtcNow();
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
                CheckpointId = checkpoint.Id,
                Round = round,
            });
        });

        void Count(GeneratedToken token)
        {
            tokens++;
            if (token.FinishReason is null)
            {
                return;
            }

            finished++;
            ended += token.FinishReason == GeneratedSequence.Stop ? 1 : 0;
            if (finished % config.BatchSize == 0 || finished == total)
            {
                context.Report(finished, total, new Dictionary<string, double>
                {
                    [MetricNames.ResponseLength] = (double)tokens / finished,
                    [MetricNames.EosRate] = ended / (double)finished,
                });
            }
        }
    }

    // Prompts that were answered least come first, so that every round shows new ones while there are any.
    private (Checkpoint Checkpoint, int Round, List<Prompt> Prompts) Load(Run run, SamplingConfig config)
    {
        using var db = contexts.CreateDbContext();
        var project = db.Projects.AsNoTracking().Single(p => p.Id == run.ProjectId);
        var prompts = db.Prompts.AsNoTracking()
            .Where(p => p.ProjectId == run.ProjectId && p.Split == Splits.Train)
            .OrderBy(p => db.Completions.Count(c => c.PromptId == p.Id))
            .ThenBy(p => p.Sequence)
            .Take(config.PromptCount ?? project.PromptsPerCycle)
            .ToList();
        return prompts.Count == 0
            ? throw new InvalidOperationException("The project has no training prompt to answer.")
            : (db.Checkpoints.AsNoTracking().Single(c => c.Id == run.PolicyCheckpointId),
                db.Cycles.Where(c => c.Id == run.CycleId).Select(c => c.Number).SingleOrDefault(),
                prompts);
    }
}
