using MassTransit;

namespace Labeling.Web.Consumers;

/// <summary>What the site hears.</summary>
public static class LabelingConsumers
{
    /// <summary>Registers the site's consumers with the bus of the process.</summary>
    public static void AddLabelingConsumers(this IBusRegistrationConfigurator x)
    {
        x.AddConsumer<NewComparisonsConsumer>();
        x.AddConsumeObserver<NewComparisonsObserver>();
        x.AddConsumer<RunUpdatesConsumer>();
        x.AddConsumer<CheckpointUpdatesConsumer>();
    }
}
