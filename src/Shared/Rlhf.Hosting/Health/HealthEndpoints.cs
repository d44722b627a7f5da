using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Rlhf.Hosting.Telemetry;

namespace Rlhf.Hosting;

/// <summary>The addresses an orchestrator and a monitoring system ask.</summary>
public static class HealthEndpoints
{
    /// <summary>Tag of the checks that <c>/health/ready</c> makes.</summary>
    public const string ReadyTag = "ready";

    internal const string LivePath = "/health/live";
    internal const string ReadyPath = "/health/ready";

    /// <summary>
    /// Maps <c>/health/live</c> (the process answers), <c>/health/ready</c> (so does all it needs: 503 and the names of the checks that
    /// failed otherwise), and, with a token in section "Telemetry", <c>/metrics</c>.
    /// </summary>
    public static void MapRlhfHealth(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapHealthChecks(LivePath, new HealthCheckOptions { Predicate = _ => false, ResponseWriter = WriteAsync }).AllowAnonymous();
        endpoints.MapHealthChecks(ReadyPath, new HealthCheckOptions { Predicate = check => check.Tags.Contains(ReadyTag), ResponseWriter = WriteAsync }).AllowAnonymous();
        endpoints.MapMetrics();
    }

    // Anybody may ask, so no exception and no address of a server goes out: those are in the log.
    private static Task WriteAsync(HttpContext context, HealthReport report)
    {
        context.Response.ContentType = "application/json";
        return context.Response.WriteAsync(JsonSerializer.Serialize(
            new
            {
                status = report.Status.ToString(),
                checks = report.Entries.Select(check => new { name = check.Key, status = check.Value.Status.ToString(), description = check.Value.Description }),
            },
            JsonSerializerOptions.Web));
    }
}
