using Labeling.Web.Live;
using MassTransit;
using Rlhf.Contracts.Sampling;

namespace Labeling.Web.Consumers;

/// <summary>Tells waiting annotators about new comparisons. An observer, because it is called after the consumer's transaction has been committed.</summary>
internal sealed class NewComparisonsObserver(ProjectNotifier projects) : IConsumeObserver
{
    public Task PreConsume<T>(ConsumeContext<T> context)
        where T : class => Task.CompletedTask;

    public Task PostConsume<T>(ConsumeContext<T> context)
        where T : class
    {
        if (context.Message is CompletionsSampled sampled)
        {
            projects.Changed(sampled.ProjectId);
        }

        return Task.CompletedTask;
    }

    public Task ConsumeFault<T>(ConsumeContext<T> context, Exception exception)
        where T : class => Task.CompletedTask;
}
