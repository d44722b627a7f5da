using MassTransit;

namespace RewardModel.Service.Consumers;

/// <summary>What the reward-model service hears.</summary>
public static class RewardModelConsumers
{
    /// <summary>Registers them with the bus of the process.</summary>
    public static void AddRewardModelConsumers(this IBusRegistrationConfigurator bus) => bus.AddConsumer<StartRewardModelRunConsumer>();
}
