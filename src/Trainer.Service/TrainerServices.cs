using Rlhf.Hosting;
using Rlhf.Training.Publishing;
using Rlhf.Training.Runs;
using Trainer.Service.Algorithms.Online;
using Trainer.Service.Algorithms.Ppo;
using Trainer.Service.Algorithms.Preference;
using Trainer.Service.Cycles;
using Trainer.Service.Evaluation;
using Trainer.Service.Sampling;

namespace Trainer.Service;

/// <summary>The trainer as a part of a process: its own service, or the command line's.</summary>
public static class TrainerServices
{
    /// <summary>Registers the cycle planner, the executors of policy, sampling and evaluation runs, and the retention of checkpoints.</summary>
    public static TBuilder AddTrainer<TBuilder>(this TBuilder builder)
        where TBuilder : IHostApplicationBuilder
    {
        builder.AddRlhfDefaults();
        builder.Services.AddRlhfRuns(builder.Configuration);
        builder.Services.AddCheckpointRetention(builder.Configuration);
        builder.Services.AddReadyCheck<CheckpointStoreHealthCheck>("checkpoint store");
        builder.Services.AddCyclePlanner();
        builder.Services.AddHostedService(provider => provider.GetRequiredService<PlannerSweep>());
        builder.Services.AddRunExecutor<PpoRunExecutor>();
        builder.Services.AddRunExecutor<GrpoRunExecutor>();
        builder.Services.AddRunExecutor<RlooRunExecutor>();
        builder.Services.AddRunExecutor<ReinforceRunExecutor>();
        builder.Services.AddRunExecutor<RaftRunExecutor>();
        builder.Services.AddRunExecutor<OnlineDpoRunExecutor>();
        builder.Services.AddRunExecutor<KtoRunExecutor>();
        builder.Services.AddRunExecutor<DpoRunExecutor>();
        builder.Services.AddRunExecutor<OrpoRunExecutor>();
        builder.Services.AddRunExecutor<SimpoRunExecutor>();
        builder.Services.AddRunExecutor<SampleRunExecutor>();
        builder.Services.AddRunExecutor<EvalRunExecutor>();
        return builder;
    }

    /// <summary>Registers what the planner's consumers need, without anything that runs by itself.</summary>
    public static IServiceCollection AddCyclePlanner(this IServiceCollection services)
    {
        services.AddRlhfOptions<PlannerOptions>(PlannerOptions.Section);
        services.AddScoped<CyclePlanner>();
        services.AddScoped<PolicyRollback>();
        services.AddScoped<CycleReconciler>();
        services.AddSingleton<PlannerSweep>();
        return services;
    }
}
