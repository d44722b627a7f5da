using Microsoft.Extensions.Logging;

namespace Labeling.Web.Live;

/// <summary>Tells pages that a run started, progressed or ended. What happened stands in the database.</summary>
public sealed class RunNotifier(ILogger<RunNotifier> logger)
{
    private readonly Subscriptions _subscriptions = new(logger);

    /// <summary>Calls <paramref name="onChanged"/> after every change of this run until the result is disposed.</summary>
    public IDisposable Subscribe(Guid runId, Func<Task> onChanged) => _subscriptions.Add(runId, onChanged);

    /// <summary>Calls <paramref name="onChanged"/> after every change of any run until the result is disposed.</summary>
    public IDisposable SubscribeToAll(Func<Task> onChanged) => _subscriptions.Add(Guid.Empty, onChanged);

    /// <summary>The run changed.</summary>
    public void Changed(Guid runId)
    {
        _subscriptions.Notify(runId);
        _subscriptions.Notify(Guid.Empty);
    }
}
