using System.Collections.Concurrent;

namespace Labeling.Web.Features.Labeling;

/// <summary>
/// Which comparisons of a project an annotator has put aside, until they ask for them again. Kept in memory on purpose: a skip is "not now",
/// not a judgment. It outlives a reload of the page; after a restart of the site the comparison may be offered again.
/// </summary>
public sealed class SkippedTasks
{
    private readonly ConcurrentDictionary<(Guid AnnotatorId, Guid ProjectId), ConcurrentDictionary<Guid, byte>> _tasks = new();

    internal void Add(Guid annotatorId, Guid projectId, Guid taskId) => _tasks.GetOrAdd((annotatorId, projectId), _ => new()).TryAdd(taskId, 0);

    internal void Clear(Guid annotatorId, Guid projectId) => _tasks.TryRemove((annotatorId, projectId), out _);

    internal ICollection<Guid> Of(Guid annotatorId, Guid projectId) => _tasks.TryGetValue((annotatorId, projectId), out var tasks) ? tasks.Keys : [];
}
