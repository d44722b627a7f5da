using Labeling.Web.Live;
using MassTransit;
using Rlhf.Contracts.Training;

namespace Labeling.Web.Consumers;

/// <summary>Wakes the pages that show a project's checkpoints.</summary>
internal sealed class CheckpointUpdatesConsumer(ProjectNotifier projects) : IConsumer<CheckpointPublished>, IConsumer<CheckpointRetired>
{
    public Task Consume(ConsumeContext<CheckpointPublished> context)
    {
        projects.Changed(context.Message.ProjectId);
        return Task.CompletedTask;
    }

    public Task Consume(ConsumeContext<CheckpointRetired> context)
    {
        projects.Changed(context.Message.ProjectId);
        return Task.CompletedTask;
    }
}
