using System.Collections.Concurrent;
using MassTransit;

namespace Rlhf.Hosting.Tests.Messaging;

/// <summary>Writes down what is published, in its order.</summary>
internal sealed class PublishedMessages : IPublishObserver
{
    private readonly ConcurrentQueue<(Guid? MessageId, object Message)> _published = new();

    public IEnumerable<(Guid MessageId, T Message)> Of<T>() => _published.Where(p => p.Message is T).Select(p => (p.MessageId!.Value, (T)p.Message));

    public Task PrePublish<T>(PublishContext<T> context)
        where T : class => Task.CompletedTask;

    public Task PostPublish<T>(PublishContext<T> context)
        where T : class
    {
        _published.Enqueue((context.MessageId, context.Message));
        return Task.CompletedTask;
    }

    public Task PublishFault<T>(PublishContext<T> context, Exception exception)
        where T : class => Task.CompletedTask;
}
