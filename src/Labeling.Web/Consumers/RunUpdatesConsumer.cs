using Labeling.Web.Live;
using MassTransit;
using Rlhf.Contracts.Training;

namespace Labeling.Web.Consumers;

/// <summary>Wakes the pages that show a run. What they show they read from the database.</summary>
internal sealed class RunUpdatesConsumer(RunNotifier runs, ProjectNotifier projects)
    : IConsumer<RunStarted>, IConsumer<RunProgressed>, IConsumer<RunCompleted>, IConsumer<RunFailed>, IConsumer<RunCancelled>
{
    public Task Consume(ConsumeContext<RunStarted> context) => Changed(context.Message.RunId, context.Message.ProjectId);

    // Progress concerns only the run's own page.
    public Task Consume(ConsumeContext<RunProgressed> context)
    {
        runs.Changed(context.Message.RunId);
        return Task.CompletedTask;
    }

    public Task Consume(ConsumeContext<RunCompleted> context) => Changed(context.Message.RunId, context.Message.ProjectId);

    public Task Consume(ConsumeContext<RunFailed> context) => Changed(context.Message.RunId, context.Message.ProjectId);

    public Task Consume(ConsumeContext<RunCancelled> context) => Changed(context.Message.RunId, context.Message.ProjectId);

    private Task Changed(Guid runId, Guid projectId)
    {
        runs.Changed(runId);
        projects.Changed(projectId);
        return Task.CompletedTask;
    }
}
