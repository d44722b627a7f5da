using System.Security.Cryptography;
using System.Text;
using Microsoft.EntityFrameworkCore;
using Rlhf.Contracts.Labeling;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Data.Entities;
using Rlhf.TaskFamilies;
using Rlhf.Training.Publishing;

namespace Rlhf.Cli.AllInOne;

/// <summary>Creates a project with prompts and a first policy; the planner then samples its first answers by itself.</summary>
internal sealed class ProjectSeeder(IDbContextFactory<AppDbContext> contexts, CheckpointStore store, TimeProvider clock)
{
    /// <summary>Stores everything in one transaction; a project of that slug is left as it is.</summary>
    /// <param name="project">Settings; its <see cref="Project.PolicyCheckpointId"/> is set here.</param>
    /// <param name="prompts">The prompts with their split, in the order in which they will be used.</param>
    /// <param name="modelDirectory">The first policy.</param>
    /// <param name="stop">Abandons it.</param>
    /// <returns>The stored project's id.</returns>
    public async Task<Guid> CreateAsync(Project project, IReadOnlyList<(TaskPrompt Prompt, string Split)> prompts, string modelDirectory, CancellationToken stop)
    {
        await using var db = await contexts.CreateDbContextAsync(stop);
        if (await db.Projects.Where(p => p.Slug == project.Slug).Select(p => (Guid?)p.Id).SingleOrDefaultAsync(stop) is { } existing)
        {
            return existing;
        }

        var published = store.Import(modelDirectory);
        var now = clock.GetUtcNow();
        project.CreatedAt = now;
        db.Projects.Add(project);
        var sequence = 0;
        foreach (var (prompt, split) in prompts)
        {
            db.Prompts.Add(new Prompt
            {
                ProjectId = project.Id,
                Text = prompt.Text,
                Split = split,
                Family = prompt.Family,
                SpecJson = prompt.SpecJson,
                ContentHash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(prompt.Text))),
                Sequence = sequence++,
                CreatedAt = now,
            });
        }

        var checkpoint = new Checkpoint
        {
            ProjectId = project.Id,
            Kind = CheckpointKinds.Policy,
            Version = 0,
            Path = published.Path,
            ContentHash = published.ContentHash,
            SizeBytes = published.SizeBytes,
            CreatedAt = now,
        };
        await using var transaction = await db.Database.BeginTransactionAsync(stop);
        OutboxWriter.Add(db, new PromptsImported { ProjectId = project.Id, Count = prompts.Count });
        await db.SaveChangesAsync(stop);

        // Project and checkpoint refer to each other: the checkpoint comes second, the reference last.
        db.Checkpoints.Add(checkpoint);
        await db.SaveChangesAsync(stop);
        project.PolicyCheckpointId = checkpoint.Id;
        await db.SaveChangesAsync(stop);
        await transaction.CommitAsync(stop);
        return project.Id;
    }

    /// <summary>Gives a project without a policy a backbone and asks for a reward-model run over all its judgments.</summary>
    /// <returns>The run's id.</returns>
    public async Task<Guid> TrainRewardModelAsync(Guid projectId, string modelDirectory, CancellationToken stop)
    {
        await using var db = await contexts.CreateDbContextAsync(stop);
        var published = store.Import(modelDirectory);
        var checkpoint = new Checkpoint
        {
            ProjectId = projectId,
            Kind = CheckpointKinds.Policy,
            Path = published.Path,
            ContentHash = published.ContentHash,
            SizeBytes = published.SizeBytes,
            CreatedAt = clock.GetUtcNow(),
        };
        var project = await db.Projects.SingleAsync(p => p.Id == projectId, stop);
        db.Checkpoints.Add(checkpoint);
        project.PolicyCheckpointId = checkpoint.Id;
        var command = Guid.CreateVersion7();
        OutboxWriter.Add(db, new StartRun
        {
            CommandId = command,
            ProjectId = projectId,
            Kind = RunKinds.RewardModel,
            Seed = project.Seed,
            PolicyCheckpointId = checkpoint.Id,
        });
        await db.SaveChangesAsync(stop);
        return command;
    }
}
