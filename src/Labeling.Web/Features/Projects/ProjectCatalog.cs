using System.Security.Claims;
using Labeling.Web.Features.Labeling;
using Labeling.Web.Live;
using Labeling.Web.Security;
using Microsoft.EntityFrameworkCore;
using Rlhf.Contracts.Labeling;
using Rlhf.Data;
using Rlhf.Data.Entities;

namespace Labeling.Web.Features.Projects;

/// <summary>A project on the home page.</summary>
public sealed record ProjectCard(
    string Name, string Slug, int Judgments, int OpenTasks, int Collected, int Needed, bool AutoCycle, int? CycleNumber, string? CycleStatus);

/// <summary>A checkpoint in a project's lineage.</summary>
public sealed record CheckpointRow(Checkpoint Checkpoint, int? ParentVersion, string? RunKind, bool IsPolicy);

/// <summary>A turn of the loop with the planner's decisions in it.</summary>
public sealed record CycleRow(Cycle Cycle, IReadOnlyList<CycleDecision> Decisions);

/// <summary>Everything a project's page shows.</summary>
public sealed record ProjectOverview(
    Project Project, ProjectCard Card, IReadOnlyList<CycleRow> Cycles, IReadOnlyList<CycleDecision> OtherDecisions,
    IReadOnlyList<CheckpointRow> Checkpoints, IReadOnlyList<Run> LatestRuns);

/// <summary>Reads projects for the pages, and changes their settings.</summary>
public sealed class ProjectCatalog(IDbContextFactory<AppDbContext> contexts, ProjectNotifier notifier)
{
    /// <summary>The projects the user may see.</summary>
    public async Task<IReadOnlyList<ProjectCard>> ListAsync(ClaimsPrincipal user, CancellationToken cancellationToken = default)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var projects = await ProjectAccess.Visible(db, user).AsNoTracking().OrderBy(p => p.Name).ToListAsync(cancellationToken);
        var cards = new List<ProjectCard>();
        foreach (var project in projects)
        {
            cards.Add(await CardAsync(db, project, cancellationToken));
        }

        return cards;
    }

    /// <summary>The project with this slug, or null.</summary>
    public async Task<Project?> FindAsync(string slug, CancellationToken cancellationToken = default)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await db.Projects.AsNoTracking().SingleOrDefaultAsync(p => p.Slug == slug, cancellationToken);
    }

    /// <summary>Every project's id and name, for administrators.</summary>
    public async Task<IReadOnlyList<(Guid Id, string Name)>> NamesAsync(CancellationToken cancellationToken = default)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return [.. (await db.Projects.OrderBy(p => p.Name).Select(p => new { p.Id, p.Name }).ToListAsync(cancellationToken)).Select(p => (p.Id, p.Name))];
    }

    /// <summary>Settings, cycles, checkpoints and latest runs of a project, or null if there is none with this slug.</summary>
    public async Task<ProjectOverview?> OverviewAsync(string slug, CancellationToken cancellationToken = default)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        if (await db.Projects.AsNoTracking().SingleOrDefaultAsync(p => p.Slug == slug, cancellationToken) is not { } project)
        {
            return null;
        }

        var cycles = await db.Cycles.AsNoTracking().Where(c => c.ProjectId == project.Id)
            .OrderByDescending(c => c.Number).Take(50).ToListAsync(cancellationToken);
        var decisions = await db.CycleDecisions.AsNoTracking().Where(d => d.ProjectId == project.Id)
            .OrderByDescending(d => d.CreatedAt).Take(200).ToListAsync(cancellationToken);
        var checkpoints = await db.Checkpoints.AsNoTracking().Where(c => c.ProjectId == project.Id)
            .OrderByDescending(c => c.CreatedAt).ThenByDescending(c => c.Version).ToListAsync(cancellationToken);
        var runs = await db.Runs.AsNoTracking().Where(r => r.ProjectId == project.Id)
            .OrderByDescending(r => r.CreatedAt).Take(200).ToListAsync(cancellationToken);
        var versions = checkpoints.ToDictionary(c => c.Id, c => c.Version);
        var kinds = runs.ToDictionary(r => r.Id, r => r.Kind);
        return new ProjectOverview(
            project,
            await CardAsync(db, project, cancellationToken),
            [.. cycles.Select(c => new CycleRow(c, [.. decisions.Where(d => d.CycleId == c.Id).OrderBy(d => d.CreatedAt)]))],
            [.. decisions.Where(d => d.CycleId is null).Take(10)],
            [.. checkpoints.Select(c => new CheckpointRow(
                c,
                c.ParentId is { } parent && versions.TryGetValue(parent, out var version) ? version : null,
                c.RunId is { } run ? kinds.GetValueOrDefault(run) : null,
                c.Id == project.PolicyCheckpointId))],
            [.. runs.Take(10)]);
    }

    /// <summary>Stores checked settings. The result lists what is wrong; it is empty when they were stored.</summary>
    public async Task<IReadOnlyList<string>> UpdateAsync(Guid projectId, ProjectSettings settings, CancellationToken cancellationToken = default)
    {
        if (settings.Validate() is { Count: > 0 } errors)
        {
            return errors;
        }

        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var project = await db.Projects.SingleAsync(p => p.Id == projectId, cancellationToken);
        db.Entry(project).Property(p => p.Version).OriginalValue = settings.Version;
        settings.ApplyTo(project);
        await WakePlannerAsync(db, projectId, cancellationToken);
        try
        {
            await db.SaveChangesAsync(cancellationToken);
        }
        catch (DbUpdateConcurrencyException)
        {
            return ["Somebody else changed this project in the meantime. Reload the page to see their values, then enter yours again."];
        }

        notifier.Changed(projectId);
        return [];
    }

    /// <summary>Lets cycles start by themselves, or holds them back. A running cycle goes on.</summary>
    public async Task SetAutoCycleAsync(Guid projectId, bool on, CancellationToken cancellationToken = default)
    {
        for (var attempt = 1; ; attempt++)
        {
            await using var db = await contexts.CreateDbContextAsync(cancellationToken);
            var project = await db.Projects.SingleAsync(p => p.Id == projectId, cancellationToken);
            project.AutoCycle = on;
            if (on)
            {
                await WakePlannerAsync(db, projectId, cancellationToken);
            }

            try
            {
                await db.SaveChangesAsync(cancellationToken);
                break;
            }
            catch (DbUpdateConcurrencyException) when (attempt < 5)
            {
                // The planner moved the policy on meanwhile; one flag does not conflict with that.
            }
        }

        notifier.Changed(projectId);
    }

    // The planner counts when it hears of a judgment. With the new settings there may be enough of them already, and if everything is
    // judged no further one would come: so the last one is announced again. Consumers look at the database, not at the message.
    private static async Task WakePlannerAsync(AppDbContext db, Guid projectId, CancellationToken cancellationToken)
    {
        var last = await ProgressQuery.Unused(db.Judgments.Where(j => j.ProjectId == projectId && j.RetractedAt == null))
            .AsNoTracking().OrderByDescending(j => j.CreatedAt).FirstOrDefaultAsync(cancellationToken);
        if (last is not null)
        {
            OutboxWriter.Add(db, new JudgmentRecorded { JudgmentId = last.Id, TaskId = last.TaskId, ProjectId = projectId, AnnotatorId = last.AnnotatorId });
        }
    }

    private static async Task<ProjectCard> CardAsync(AppDbContext db, Project project, CancellationToken cancellationToken)
    {
        var standing = db.Judgments.Where(j => j.ProjectId == project.Id && j.RetractedAt == null);
        var cycle = await db.Cycles.AsNoTracking().Where(c => c.ProjectId == project.Id)
            .OrderByDescending(c => c.Number).FirstOrDefaultAsync(cancellationToken);
        return new ProjectCard(
            project.Name,
            project.Slug,
            await standing.CountAsync(cancellationToken),
            await db.ComparisonTasks.CountAsync(t => t.ProjectId == project.Id && t.Status == ComparisonTaskStatuses.Open, cancellationToken),
            await ProgressQuery.Unused(standing).CountAsync(cancellationToken),
            project.JudgmentsPerCycle,
            project.AutoCycle,
            cycle?.Number,
            cycle?.Status);
    }
}
