using Microsoft.EntityFrameworkCore;

namespace Rlhf.Data.Lineage;

/// <summary>
/// Which checkpoint came from which: through its parent, and through the policy and the reward model of the run that published it. One statement
/// reads all edges (five ids a checkpoint; a project publishes two a cycle), so that a walk of any depth costs the database the same.
/// </summary>
public sealed class CheckpointGraph
{
    private readonly Dictionary<Guid, Guid[]> _parents;
    private readonly Dictionary<Guid, Guid?> _runs;
    private readonly ILookup<Guid, Guid> _children;

    private CheckpointGraph(IReadOnlyCollection<Node> nodes)
    {
        _runs = nodes.ToDictionary(n => n.Id, n => n.RunId);
        _parents = nodes.ToDictionary(n => n.Id, n => ((Guid?[])[n.ParentId, n.PolicyId, n.RewardId]).OfType<Guid>().Distinct().ToArray());
        _children = _parents.SelectMany(n => n.Value.Select(parent => (Parent: parent, Child: n.Key))).ToLookup(e => e.Parent, e => e.Child);
    }

    /// <summary>Reads the edges between all checkpoints, of every project: a project may have begun with another's policy.</summary>
    public static async Task<CheckpointGraph> LoadAsync(AppDbContext db, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(db);
        var nodes = await (
            from checkpoint in db.Checkpoints
            join run in db.Runs on checkpoint.RunId equals run.Id into runs
            from run in runs.DefaultIfEmpty()
            select new Node(checkpoint.Id, checkpoint.ParentId, checkpoint.RunId, run!.PolicyCheckpointId, run.RewardCheckpointId)).ToListAsync(cancellationToken);
        return new CheckpointGraph(nodes);
    }

    /// <summary>A checkpoint and everything it came from, nearest first, each with its distance in edges.</summary>
    public IReadOnlyList<(Guid Id, int Distance)> Ancestors(Guid checkpointId) =>
        _runs.ContainsKey(checkpointId) ? Walk([checkpointId], id => _parents.GetValueOrDefault(id, [])) : [];

    /// <summary>The given checkpoints and everything that came from them, nearest first.</summary>
    public IReadOnlyList<Guid> Descendants(IEnumerable<Guid> checkpointIds) => [.. Walk(checkpointIds, id => _children[id]).Select(d => d.Id)];

    /// <summary>The checkpoints that were published by one of the given runs.</summary>
    public IReadOnlyList<Guid> PublishedBy(IReadOnlySet<Guid> runIds) => [.. _runs.Where(r => r.Value is { } run && runIds.Contains(run)).Select(r => r.Key)];

    /// <summary>The run that published a checkpoint; null for an import.</summary>
    public Guid? RunOf(Guid checkpointId) => _runs.GetValueOrDefault(checkpointId);

    // Breadth first; a checkpoint reached in several ways counts once, and rows that refer to each other in a circle end the walk as well.
    private static List<(Guid Id, int Distance)> Walk(IEnumerable<Guid> from, Func<Guid, IEnumerable<Guid>> next)
    {
        List<(Guid Id, int Distance)> found = [.. from.Distinct().Select(id => (id, 0))];
        var seen = found.Select(f => f.Id).ToHashSet();
        for (var i = 0; i < found.Count; i++)
        {
            var (id, distance) = found[i];
            found.AddRange(next(id).Where(seen.Add).Select(n => (n, distance + 1)));
        }

        return found;
    }

    private sealed record Node(Guid Id, Guid? ParentId, Guid? RunId, Guid? PolicyId, Guid? RewardId);
}
