using System.Security.Cryptography;
using System.Text;
using Microsoft.EntityFrameworkCore;
using Rlhf.Contracts.Labeling;
using Rlhf.Data;
using Rlhf.Data.Entities;
using Rlhf.Datasets;
using Rlhf.Numerics;

namespace Labeling.Web.Features.Import;

/// <summary>Stores comparisons that people made elsewhere as a project of their own: everything in one transaction, or nothing.</summary>
public sealed class PreferenceImporter(IDbContextFactory<AppDbContext> contexts, TimeProvider clock)
{
    /// <summary>Creates the project with its prompts, answers, closed tasks and judgments.</summary>
    /// <param name="training">Comparisons for training: rows of the preference type.</param>
    /// <param name="heldOut">Comparisons that are held out.</param>
    /// <param name="project">The project to create; its cycle stays off until an engineer turns it on.</param>
    /// <param name="stop">Abandons the import; nothing is stored then.</param>
    /// <remarks>Which answer is stored as A is drawn from the project's seed, so that the position says nothing about the preference.</remarks>
    /// <exception cref="ImportException">If the project already exists or the split leaves one side empty.</exception>
    public async Task ImportAsync(IReadOnlyList<DatasetRow> training, IReadOnlyList<DatasetRow> heldOut, Project project, CancellationToken stop)
    {
        if (training.Count == 0 || heldOut.Count == 0)
        {
            throw new ImportException($"{training.Count} comparisons for training and {heldOut.Count} held out: both need at least one. Nothing was imported.");
        }

        await using var db = await contexts.CreateDbContextAsync(stop);
        await using var transaction = await db.Database.BeginTransactionAsync(stop);
        if (await db.Projects.AnyAsync(p => p.Slug == project.Slug || p.Name == project.Name, stop))
        {
            throw new ImportException($"a project named \"{project.Name}\" exists already: choose another with --project. Nothing was imported.");
        }

        db.ChangeTracker.AutoDetectChangesEnabled = false;
        db.Projects.Add(project);
        var now = clock.GetUtcNow();
        var prompts = new Dictionary<string, Prompt>(StringComparer.Ordinal);
        var order = new Philox((ulong)project.Seed);
        for (var i = 0; i < training.Count + heldOut.Count; i++)
        {
            var (row, split) = i < training.Count ? (training[i], Splits.Train) : (heldOut[i - training.Count], Splits.HeldOut);
            var text = row.Prompt!.AsText();
            var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
            if (!prompts.TryGetValue(hash, out var prompt))
            {
                prompt = new Prompt { ProjectId = project.Id, Text = text, ContentHash = hash, Split = split, Sequence = prompts.Count, CreatedAt = now };
                prompts.Add(hash, prompt);
                db.Prompts.Add(prompt);
            }

            var chosenIsA = order.Chance(0.5);
            var chosen = new Completion { PromptId = prompt.Id, Text = row.Completions[0].AsText().Trim(), CreatedAt = now, Index = 2 * i };
            var rejected = new Completion { PromptId = prompt.Id, Text = row.Completions[1].AsText().Trim(), CreatedAt = now, Index = (2 * i) + 1 };
            db.Completions.AddRange(chosen, rejected);
            var task = new ComparisonTask
            {
                ProjectId = project.Id,
                PromptId = prompt.Id,
                CompletionAId = chosenIsA ? chosen.Id : rejected.Id,
                CompletionBId = chosenIsA ? rejected.Id : chosen.Id,
                Status = ComparisonTaskStatuses.Done,
                JudgmentCount = 1,
                Sequence = i,
                CreatedAt = now,
            };
            db.ComparisonTasks.Add(task);
            db.Judgments.Add(new Judgment
            {
                TaskId = task.Id,
                ProjectId = project.Id,
                Choice = chosenIsA ? Choices.A : Choices.B,
                Source = JudgmentSources.Import,
                Split = split,
                CreatedAt = now,
            });
        }

        OutboxWriter.Add(db, new PromptsImported { ProjectId = project.Id, Count = prompts.Count });
        await db.SaveChangesAsync(stop);
        await transaction.CommitAsync(stop);
    }
}
