using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Rlhf.Hosting;

/// <summary>What every process of the system has in common.</summary>
public static class RlhfDefaults
{
    /// <summary>Registers the database, the health checks and the log format. Called first; calling it again changes nothing.</summary>
    public static TBuilder AddRlhfDefaults<TBuilder>(this TBuilder builder)
        where TBuilder : IHostApplicationBuilder
    {
        if (builder.Services.Any(s => s.ServiceType == typeof(DefaultsMarker)))
        {
            return builder;
        }

        builder.Services.AddSingleton<DefaultsMarker>();
        builder.Services.AddRlhfData(builder.Configuration);
        builder.Services.AddHealthChecks().AddCheck<DatabaseHealthCheck>("database", tags: [HealthEndpoints.ReadyTag]);
        builder.Logging.AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.UseUtcTimestamp = true;
            console.TimestampFormat = "yyyy-MM-dd HH:mm:ss.fff'Z' ";
        });

        // Every statement and every delivery is too much to read.
        builder.Logging.AddFilter("Microsoft.EntityFrameworkCore", LogLevel.Warning);
        builder.Logging.AddFilter("MassTransit", LogLevel.Warning);
        return builder;
    }

    private sealed class DefaultsMarker;
}
