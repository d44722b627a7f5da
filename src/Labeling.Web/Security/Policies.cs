using Microsoft.AspNetCore.Authorization;
using Rlhf.Data.Entities;

namespace Labeling.Web.Security;

/// <summary>The site's authorization policies. Without any, a page needs a signed-in user (the fallback policy).</summary>
public static class Policies
{
    /// <summary>Runs, settings and curves of every project: roles engineer and admin.</summary>
    public const string Engineer = "engineer";

    /// <summary>People and messages: role admin.</summary>
    public const string Admin = "admin";

    /// <summary>The project named by the route (<c>slug</c>, or the project of the run <c>id</c>).</summary>
    public const string Project = "project";

    internal static void AddPolicies(AuthorizationOptions options)
    {
        options.FallbackPolicy = new AuthorizationPolicyBuilder().RequireAuthenticatedUser().Build();
        options.AddPolicy(Engineer, policy => policy.RequireRole(AppRoles.Engineer, AppRoles.Admin));
        options.AddPolicy(Admin, policy => policy.RequireRole(AppRoles.Admin));
        options.AddPolicy(Project, policy => policy.RequireAuthenticatedUser().AddRequirements(new ProjectRequirement()));
    }
}
