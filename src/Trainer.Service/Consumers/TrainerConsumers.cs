using MassTransit;

namespace Trainer.Service.Consumers;

/// <summary>What the trainer and its planner hear.</summary>
public static class TrainerConsumers
{
    /// <summary>Registers them with the bus of the process.</summary>
    public static void AddTrainerConsumers(this IBusRegistrationConfigurator bus)
    {
        bus.AddConsumer<StartPolicyRunConsumer>();
        bus.AddConsumer<StartEvalRunConsumer>();
        bus.AddConsumer<SampleCompletionsConsumer>();
        bus.AddConsumer<CancelRunConsumer>();
        bus.AddConsumer<PromptsImportedConsumer>();
        bus.AddConsumer<JudgmentRecordedConsumer>();
        bus.AddConsumer<JudgmentsRetractedConsumer>();
        bus.AddConsumer<AdvanceCycleConsumer>();
        bus.AddConsumer<RollBackPolicyConsumer>();
        bus.AddConsumer<RunCompletedConsumer>();
        bus.AddConsumer<RunFailedConsumer>();
        bus.AddConsumer<RunCancelledConsumer>();
        bus.AddConsumer<CompletionsSampledConsumer>();
    }
}
