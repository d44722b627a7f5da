using System.Security.Claims;
using Microsoft.AspNetCore.Authorization;
using Microsoft.EntityFrameworkCore;
using Rlhf.Data;
using Rlhf.Data.Entities;

namespace Labeling.Web.Security;

internal sealed class ProjectRequirement : IAuthorizationRequirement;

/// <summary>Who may see which project: its members, and engineers and administrators.</summary>
public sealed class ProjectAccess(IDbContextFactory<AppDbContext> contexts)
{
    /// <summary>True for the roles that see every project.</summary>
    public static bool SeesEverything(ClaimsPrincipal user) => user.IsInRole(AppRoles.Engineer) || user.IsInRole(AppRoles.Admin);

    /// <summary>The projects this user may see.</summary>
    public static IQueryable<Project> Visible(AppDbContext db, ClaimsPrincipal user)
    {
        var userId = user.Id();
        return SeesEverything(user)
            ? db.Projects
            : db.Projects.Where(p => db.ProjectMembers.Any(m => m.ProjectId == p.Id && m.UserId == userId));
    }

    /// <summary>True if the user may see the project; false too if there is no such project.</summary>
    public async Task<bool> CanSeeAsync(ClaimsPrincipal user, Guid projectId, CancellationToken cancellationToken = default)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await Visible(db, user).AnyAsync(p => p.Id == projectId, cancellationToken);
    }

    internal async Task<Guid?> ProjectOfAsync(string? slug, Guid? runId, CancellationToken cancellationToken = default)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return slug is not null
            ? await db.Projects.Where(p => p.Slug == slug).Select(p => (Guid?)p.Id).SingleOrDefaultAsync(cancellationToken)
            : await db.Runs.Where(r => r.Id == runId).Select(r => (Guid?)r.ProjectId).SingleOrDefaultAsync(cancellationToken);
    }
}

/// <summary>
/// Decides <see cref="Policies.Project"/> from the route. The first request brings an <see cref="HttpContext"/>, navigation inside the
/// circuit the router's <see cref="Microsoft.AspNetCore.Components.RouteData"/>. What does not exist is let through: the page answers with "not found".
/// </summary>
internal sealed class ProjectAccessHandler(ProjectAccess access) : AuthorizationHandler<ProjectRequirement>
{
    protected override async Task HandleRequirementAsync(AuthorizationHandlerContext context, ProjectRequirement requirement)
    {
        Func<string, object?>? value = context.Resource switch
        {
            HttpContext http => name => http.GetRouteValue(name),
            Microsoft.AspNetCore.Components.RouteData route => name => route.RouteValues.GetValueOrDefault(name),
            _ => null,
        };
        // Every handler is asked, also about somebody who is not signed in: their way leads to the sign-in page.
        if (value is null || context.User.Identity is not { IsAuthenticated: true })
        {
            return;
        }

        var slug = value("slug") as string;
        Guid? runId = Guid.TryParse(value("id")?.ToString(), out var id) ? id : null;
        if (ProjectAccess.SeesEverything(context.User)
            || await access.ProjectOfAsync(slug, runId) is not { } projectId
            || await access.CanSeeAsync(context.User, projectId))
        {
            context.Succeed(requirement);
        }
    }
}
