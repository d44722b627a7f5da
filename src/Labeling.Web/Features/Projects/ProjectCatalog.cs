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
    string Name, string Slug, int Judgments, int OpenTasks, int Collected, int Needed, bool AutoCycle, bool Paused, int? CycleNumber, string? CycleStatus);

/// <summary>A decision and who took it; null: the planner.</summary>
public sealed record DecisionRow(CycleDecision Decision, string? By);

/// <summary>A turn of the loop with the decisions in it.</summary>
public sealed record CycleRow(Cycle Cycle, IReadOnlyList<DecisionRow> Decisions);

/// <summary>Everything a project's page shows.</summary>
public sealed record ProjectOverview(
    Project Project, ProjectCard Card, int? PolicyVersion, IReadOnlyList<CycleRow> Cycles, IReadOnlyList<DecisionRow> OtherDecisions, IReadOnlyList<Run> LatestRuns);

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
        var decisions = await (from decision in db.CycleDecisions.AsNoTracking()
                               where decision.ProjectId == project.Id
                               join user in db.Users on decision.UserId equals user.Id into users
                               from user in users.DefaultIfEmpty()
                               orderby decision.CreatedAt descending
                               select new DecisionRow(decision, user == null ? null : user.DisplayName)).Take(300).ToListAsync(cancellationToken);
        var runs = await db.Runs.AsNoTracking().Where(r => r.ProjectId == project.Id)
            .OrderByDescending(r => r.CreatedAt).Take(10).ToListAsync(cancellationToken);
        return new ProjectOverview(
            project,
            await CardAsync(db, project, cancellationToken),
            await db.Checkpoints.Where(c => c.Id == project.PolicyCheckpointId).Select(c => (int?)c.Version).SingleOrDefaultAsync(cancellationToken),
            [.. cycles.Select(c => new CycleRow(c, [.. decisions.Where(d => d.Decision.CycleId == c.Id).Reverse()]))],
            [.. decisions.Where(d => d.Decision.CycleId is null).Take(15)],
            runs);
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

    // The planner counts when it hears of a judgment. With the new settings there may be enough of them already, and if everything is
    // judged no further one would come: so the last one is announced again. Consumers look at the database, not at the message.
    private static async Task WakePlannerAsync(AppDbContext db, Guid projectId, CancellationToken cancellationToken)
    {
        var last = await ProgressQuery.Unused(db, db.Judgments.Where(j => j.ProjectId == projectId && j.RetractedAt == null))
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
            await ProgressQuery.Unused(db, standing).CountAsync(cancellationToken),
            project.JudgmentsPerCycle,
            project.AutoCycle,
            project.PausedAt is not null,
            cycle?.Number,
            cycle?.Status);
    }
}
