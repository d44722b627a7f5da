using Microsoft.Extensions.Logging;

namespace Labeling.Web.Live;

/// <summary>Tells pages that something about a project changed: new comparisons, judgments, a cycle, a checkpoint.</summary>
public sealed class ProjectNotifier(ILogger<ProjectNotifier> logger)
{
    private readonly Subscriptions _subscriptions = new(logger);

    /// <summary>Calls <paramref name="onChanged"/> after every change until the result is disposed.</summary>
    public IDisposable Subscribe(Guid projectId, Func<Task> onChanged) => _subscriptions.Add(projectId, onChanged);

    /// <summary>Something changed.</summary>
    public void Changed(Guid projectId) => _subscriptions.Notify(projectId);
}
