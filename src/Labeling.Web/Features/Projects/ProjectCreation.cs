using System.Security.Cryptography;
using System.Text;
using Microsoft.EntityFrameworkCore;
using Rlhf.Contracts.Labeling;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Data.Entities;
using Rlhf.TaskFamilies;

namespace Labeling.Web.Features.Projects;

/// <summary>A policy that a new project can begin with.</summary>
public sealed record BasePolicy(Guid CheckpointId, string Label, bool Tainted);

/// <summary>Creates projects: its row, its prompts and its first policy at once, or nothing.</summary>
public sealed class ProjectCreation(IDbContextFactory<AppDbContext> contexts, TimeProvider time)
{
    /// <summary>The policies whose files are there, imported ones first, equal contents once.</summary>
    public async Task<IReadOnlyList<BasePolicy>> PoliciesAsync(CancellationToken cancellationToken = default)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var rows = await (from checkpoint in db.Checkpoints.AsNoTracking()
                          where checkpoint.Kind == CheckpointKinds.Policy && checkpoint.RetiredAt == null && checkpoint.FilesDeletedAt == null
                          join project in db.Projects on checkpoint.ProjectId equals project.Id
                          orderby checkpoint.CreatedAt, checkpoint.Version
                          select new { checkpoint, project.Name }).ToListAsync(cancellationToken);
        return
        [
            .. rows.DistinctBy(r => r.checkpoint.ContentHash)
                .OrderBy(r => r.checkpoint.RunId is not null)
                .Select(r => new BasePolicy(
                    r.checkpoint.Id,
                    r.checkpoint.RunId is null ? $"Base model {r.checkpoint.ContentHash[..Math.Min(8, r.checkpoint.ContentHash.Length)]} (from {r.Name})" : $"{r.Name}, policy v{r.checkpoint.Version}",
                    r.checkpoint.TaintedAt is not null)),
        ];
    }

    /// <summary>Stores a checked project. The result lists what is wrong; it is empty when the project was created, and the planner then asks for its first answers.</summary>
    public async Task<IReadOnlyList<string>> CreateAsync(NewProject form, CancellationToken cancellationToken = default)
    {
        var errors = form.Validate(out var prompts).ToList();
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var name = form.Name.Trim();
        if (await db.Projects.AnyAsync(p => p.Name == name, cancellationToken))
        {
            errors.Add($"A project named \"{name}\" exists already.");
        }

        if (await db.Projects.AnyAsync(p => p.Slug == form.Slug, cancellationToken))
        {
            errors.Add($"The address \"{form.Slug}\" is taken.");
        }

        var source = await db.Checkpoints.AsNoTracking().SingleOrDefaultAsync(
            c => c.Id == form.BaseCheckpointId && c.Kind == CheckpointKinds.Policy && c.RetiredAt == null && c.FilesDeletedAt == null, cancellationToken);
        if (form.BaseCheckpointId is not null && source is null)
        {
            errors.Add("The chosen policy is not there any more; choose another.");
        }

        var heldOut = prompts.Select(p => PromptSplit.IsHeldOut(p, Math.Clamp(form.HeldOutFraction, 0, 1))).ToList();
        if (prompts.Count > 0 && heldOut.TrueForAll(h => h))
        {
            errors.Add("All prompts fall into the held-out part; add more, or lower the held-out fraction.");
        }

        return errors.Count > 0 || source is null ? errors : await StoreAsync(db, form, name, source, prompts, heldOut, cancellationToken);
    }

    private async Task<IReadOnlyList<string>> StoreAsync(
        AppDbContext db, NewProject form, string name, Checkpoint source, IReadOnlyList<string> prompts, List<bool> heldOut, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var project = new Project
        {
            Name = name,
            Slug = form.Slug,
            Guidelines = form.Guidelines,
            HeldOutFraction = form.HeldOutFraction,
            JudgmentsPerCycle = form.JudgmentsPerCycle,
            PromptsPerCycle = form.PromptsPerCycle,
            CreatedAt = now,
        };
        db.Projects.Add(project);
        db.Prompts.AddRange(prompts.Select((text, i) => new Prompt
        {
            ProjectId = project.Id,
            Text = text,
            Split = heldOut[i] ? Splits.HeldOut : Splits.Train,
            ContentHash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text))),
            Sequence = i,
            CreatedAt = now,
        }));
        OutboxWriter.Add(db, new PromptsImported { ProjectId = project.Id, Count = prompts.Count });

        // The same files under a row of its own: versions count within a project. What a policy descends from goes with it.
        var policy = new Checkpoint
        {
            ProjectId = project.Id,
            Kind = CheckpointKinds.Policy,
            Version = 0,
            Path = source.Path,
            ContentHash = source.ContentHash,
            SizeBytes = source.SizeBytes,
            ParentId = source.RunId is null ? null : source.Id,
            TaintedAt = source.TaintedAt,
            TaintReason = source.TaintReason,
            CreatedAt = now,
        };
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        try
        {
            // Project and checkpoint refer to each other: the reference comes last.
            await db.SaveChangesAsync(cancellationToken);
            db.Checkpoints.Add(policy);
            await db.SaveChangesAsync(cancellationToken);
            project.PolicyCheckpointId = policy.Id;
            await db.SaveChangesAsync(cancellationToken);
        }
        catch (DbUpdateException)
        {
            return ["Somebody created a project with this name or address at the same moment. Choose another."];
        }

        await transaction.CommitAsync(cancellationToken);
        return [];
    }
}
