using System.Collections.Concurrent;

namespace Labeling.Web.Features.Labeling;

/// <summary>
/// Which comparisons an annotator has put aside. Kept in memory on purpose: a skip is "not now", not a judgment, and after a restart of
/// the site the comparison may be offered again.
/// </summary>
public sealed class SkippedTasks
{
    private readonly ConcurrentDictionary<Guid, ConcurrentDictionary<Guid, byte>> _tasks = new();

    internal void Add(Guid annotatorId, Guid taskId) => _tasks.GetOrAdd(annotatorId, _ => new()).TryAdd(taskId, 0);

    internal void Clear(Guid annotatorId) => _tasks.TryRemove(annotatorId, out _);

    internal ICollection<Guid> Of(Guid annotatorId) => _tasks.TryGetValue(annotatorId, out var tasks) ? tasks.Keys : [];
}
