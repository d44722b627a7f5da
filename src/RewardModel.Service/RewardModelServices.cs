using RewardModel.Service.Training;
using Rlhf.Hosting;
using Rlhf.Training.Publishing;
using Rlhf.Training.Runs;

namespace RewardModel.Service;

/// <summary>The reward model as a part of a process: its own service, or the command line's.</summary>
public static class RewardModelServices
{
    /// <summary>Registers the executor of reward-model runs.</summary>
    public static TBuilder AddRewardModel<TBuilder>(this TBuilder builder)
        where TBuilder : IHostApplicationBuilder
    {
        builder.AddRlhfDefaults();
        builder.Services.AddRlhfRuns(builder.Configuration);
        builder.Services.AddCheckpointStore(builder.Configuration);
        builder.Services.AddReadyCheck<CheckpointStoreHealthCheck>("checkpoint store");
        builder.Services.AddRunExecutor<RewardModelRunExecutor>();
        return builder;
    }
}
