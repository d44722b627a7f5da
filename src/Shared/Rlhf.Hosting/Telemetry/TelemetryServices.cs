using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Rlhf.Hosting.Telemetry;

/// <summary>
/// Registration of traces and metrics. Spans are always made, so that the lines of a log carry trace ids; nothing leaves the process unless
/// <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> or <see cref="TelemetryOptions.MetricsToken"/> says where to.
/// </summary>
internal static class TelemetryServices
{
    /// <summary>
    /// Sources of spans: ours, the bus, ASP.NET Core (by its instrumentation), the events of a Blazor page, and the database driver.
    /// </summary>
    private static readonly string[] s_sources =
        [RlhfTelemetry.Name, "MassTransit", "Microsoft.AspNetCore.Components", "Microsoft.AspNetCore.Components.Server.Circuits", "Npgsql"];

    private static readonly string[] s_meters =
        [RlhfTelemetry.Name, "MassTransit", "Npgsql", "System.Runtime", "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel"];

    // Asked every few seconds by machines, or files: nobody wants their spans.
    private static readonly PathString[] s_quietPaths = ["/health", "/metrics", "/_framework", "/lib", "/js"];

    public static void AddRlhfTelemetry(this IHostApplicationBuilder builder)
    {
        var options = builder.Configuration.ReadRlhfOptions<TelemetryOptions>(TelemetryOptions.Section);
        builder.Services.AddRlhfOptions<TelemetryOptions>(TelemetryOptions.Section);
        var telemetry = builder.Services.AddOpenTelemetry()
            .ConfigureResource(resource =>
            {
                // The standard variable, where it is set, has named the service already.
                if (string.IsNullOrEmpty(builder.Configuration["OTEL_SERVICE_NAME"]))
                {
                    resource.AddService(builder.Environment.ApplicationName);
                }
            })
            .WithTracing(tracing =>
            {
                tracing.AddSource(s_sources).AddAspNetCoreInstrumentation(http =>
                    http.Filter = context => !s_quietPaths.Any(path => context.Request.Path.StartsWithSegments(path)));
                if (string.IsNullOrEmpty(builder.Configuration["OTEL_TRACES_SAMPLER"]))
                {
                    tracing.SetSampler(new ParentBasedSampler(new WorkSampler()));
                }
            })
            .WithMetrics(metrics =>
            {
                metrics.AddMeter(s_meters);
                if (options.MetricsToken is not null)
                {
                    metrics.AddPrometheusExporter();
                }
            });
        if (!string.IsNullOrWhiteSpace(builder.Configuration["OTEL_EXPORTER_OTLP_ENDPOINT"]))
        {
            telemetry.UseOtlpExporter();
        }
    }
}
