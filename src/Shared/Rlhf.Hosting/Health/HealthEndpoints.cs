using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.AspNetCore.Routing;

namespace Rlhf.Hosting;

/// <summary>The addresses an orchestrator asks.</summary>
public static class HealthEndpoints
{
    internal const string ReadyTag = "ready";

    /// <summary>Maps <c>/health/live</c> (the process answers) and <c>/health/ready</c> (the database and the bus do too).</summary>
    public static void MapRlhfHealth(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapHealthChecks("/health/live", new HealthCheckOptions { Predicate = _ => false }).AllowAnonymous();
        endpoints.MapHealthChecks("/health/ready", new HealthCheckOptions { Predicate = check => check.Tags.Contains(ReadyTag) }).AllowAnonymous();
    }
}
