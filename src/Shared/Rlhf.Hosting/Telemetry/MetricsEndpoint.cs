using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Rlhf.Hosting.Telemetry;

/// <summary>The address a Prometheus server scrapes.</summary>
internal static class MetricsEndpoint
{
    private const string Scheme = "Bearer ";

    /// <summary>Maps <c>/metrics</c> if there is a token to ask for: the figures tell a stranger what the system does all day.</summary>
    public static void MapMetrics(this IEndpointRouteBuilder endpoints)
    {
        if (endpoints.ServiceProvider.GetService<IOptions<TelemetryOptions>>()?.Value.MetricsToken is { } token)
        {
            endpoints.MapPrometheusScrapingEndpoint("/metrics", meterProvider: null, branch => branch.Use(async (context, next) =>
            {
                if (Knows(context.Request, token))
                {
                    await next(context);
                }
                else
                {
                    context.Response.StatusCode = StatusCodes.Status401Unauthorized;
                }
            }), optionsName: null).AllowAnonymous();
        }
    }

    // Hashed, so that the comparison takes the same time whatever was sent.
    private static bool Knows(HttpRequest request, string token) =>
        request.Headers.Authorization is [{ } header] && header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)
        && CryptographicOperations.FixedTimeEquals(Hash(header[Scheme.Length..]), Hash(token));

    private static byte[] Hash(string text) => SHA256.HashData(Encoding.UTF8.GetBytes(text));
}
