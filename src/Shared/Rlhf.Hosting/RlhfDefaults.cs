using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Configuration.KeyPerFile;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.FileProviders;
using Microsoft.Extensions.Hosting;
using Rlhf.Hosting.Telemetry;

namespace Rlhf.Hosting;

/// <summary>What every process of the system has in common.</summary>
public static class RlhfDefaults
{
    /// <summary>Key that names another directory of secrets than <see cref="DefaultSecretsDirectory"/>.</summary>
    public const string SecretsDirectoryKey = "SecretsDirectory";

    /// <summary>Where containers find their secrets.</summary>
    public const string DefaultSecretsDirectory = "/run/secrets";

    // A run saves its state between two steps: this covers a long step, and is less than what docker-compose.yml gives before it kills.
    private static readonly TimeSpan s_shutdownTimeout = TimeSpan.FromSeconds(45);

    /// <summary>
    /// Registers secrets from files, the database, health checks, logs, traces and metrics. Called first; calling it again changes nothing.
    /// Each file of the secrets directory is a setting: its name is the key, with "__" for ":", its content the value. The environment and the
    /// command line go before it.
    /// </summary>
    public static TBuilder AddRlhfDefaults<TBuilder>(this TBuilder builder)
        where TBuilder : IHostApplicationBuilder
    {
        if (builder.Services.Any(s => s.ServiceType == typeof(DefaultsMarker)))
        {
            return builder;
        }

        builder.Services.AddSingleton<DefaultsMarker>();
        AddSecrets(builder);
        builder.AddRlhfLogging();
        builder.AddRlhfTelemetry();
        builder.Services.AddRlhfData(builder.Configuration);
        builder.Services.AddReadyCheck<DatabaseHealthCheck>("database");
        if (builder.Configuration["shutdownTimeoutSeconds"] is null)
        {
            builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = s_shutdownTimeout);
        }

        return builder;
    }

    private static void AddSecrets(IHostApplicationBuilder builder)
    {
        var directory = Path.GetFullPath(builder.Configuration[SecretsDirectoryKey] ?? DefaultSecretsDirectory);
        if (Directory.Exists(directory))
        {
            builder.Configuration.Sources.Insert(0, new KeyPerFileConfigurationSource { FileProvider = new PhysicalFileProvider(directory) });
        }
    }

    private sealed class DefaultsMarker;
}
