using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Rlhf.Hosting;
using Rlhf.Hosting.Messaging;

namespace Rlhf.Training.Runs;

/// <summary>Registration of the run queue and worker.</summary>
public static class RunServices
{
    private static readonly TimeSpan s_handOver = TimeSpan.FromSeconds(10);

    /// <summary>Registers <see cref="RunQueue"/>, <see cref="ComputeDevice"/> and the worker of this process. Calling it again changes nothing.</summary>
    public static IServiceCollection AddRlhfRuns(this IServiceCollection services, IConfiguration configuration)
    {
        if (services.Any(s => s.ServiceType == typeof(RunWorker)))
        {
            return services;
        }

        services.AddRlhfData(configuration);
        services.AddSingleton<IValidateOptions<RunOptions>, RunOptions.Validator>();
        services.AddRlhfOptions<RunOptions>(RunOptions.Section);
        services.AddSingleton<RunQueue>();
        services.TryAddSingleton<ComputeDevice>();
        services.AddSingleton<IFailedMessageHandler, FailedCommandHandler>();
        services.AddSingleton<WorkerPulse>();
        services.AddReadyCheck<WorkerHealthCheck>("run worker");
        services.AddSingleton<RunWorker>();
        services.AddHostedService(provider => provider.GetRequiredService<RunWorker>());

        // The host must wait for longer than the worker waits for its run.
        var needed = configuration.GetSection(RunOptions.Section).GetValue(nameof(RunOptions.ShutdownTimeout), new RunOptions().ShutdownTimeout) + s_handOver;
        services.Configure<HostOptions>(host => host.ShutdownTimeout = host.ShutdownTimeout > needed ? host.ShutdownTimeout : needed);
        return services;
    }

    /// <summary>Registers the executor of one kind of run.</summary>
    /// <typeparam name="TExecutor">The executor; made once per attempt.</typeparam>
    public static IServiceCollection AddRunExecutor<TExecutor>(this IServiceCollection services)
        where TExecutor : class, IRunExecutor => services.AddScoped<IRunExecutor, TExecutor>();
}
