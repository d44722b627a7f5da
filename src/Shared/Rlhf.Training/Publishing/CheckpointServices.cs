using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Rlhf.Hosting;

namespace Rlhf.Training.Publishing;

/// <summary>Registration of the checkpoint store.</summary>
public static class CheckpointServices
{
    /// <summary>Registers <see cref="CheckpointStore"/>.</summary>
    public static IServiceCollection AddCheckpointStore(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddRlhfData(configuration);
        services.TryAddSingleton<CheckpointStore>();
        return services;
    }

    /// <summary>Registers the store and its <see cref="CheckpointRetention"/>; any number of processes may run it.</summary>
    public static IServiceCollection AddCheckpointRetention(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddCheckpointStore(configuration);
        services.AddRlhfOptions<CheckpointOptions>(CheckpointOptions.Section);
        services.AddSingleton<CheckpointRetention>();
        services.AddHostedService(provider => provider.GetRequiredService<CheckpointRetention>());
        return services;
    }
}
