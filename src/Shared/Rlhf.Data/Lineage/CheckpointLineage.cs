using Microsoft.EntityFrameworkCore;
using Rlhf.Data.Entities;

namespace Rlhf.Data.Lineage;

/// <summary>From a checkpoint back to the people whose judgments are in it, and from judgments on to every checkpoint they are in.</summary>
public static class CheckpointLineage
{
    // Within what either database takes as parameters of one statement.
    private const int BatchSize = 5000;

    /// <summary>A checkpoint and its ancestors with the runs that published them, nearest first. Three statements.</summary>
    /// <returns>Empty when there is no such checkpoint.</returns>
    public static async Task<IReadOnlyList<LineageStep>> AncestorsAsync(AppDbContext db, Guid checkpointId, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(db);
        var graph = await CheckpointGraph.LoadAsync(db, cancellationToken);
        var ancestors = graph.Ancestors(checkpointId);
        var ids = ancestors.Select(a => a.Id).ToList();
        var runIds = RunIds(graph, ids);
        var checkpoints = await db.Checkpoints.AsNoTracking().Where(c => ids.Contains(c.Id)).ToDictionaryAsync(c => c.Id, cancellationToken);
        var runs = await db.Runs.AsNoTracking().Where(r => runIds.Contains(r.Id)).ToDictionaryAsync(r => r.Id, cancellationToken);
        return [.. ancestors.Select(a => new LineageStep(checkpoints[a.Id], graph.RunOf(a.Id) is { } run ? runs[run] : null, a.Distance))];
    }

    /// <summary>Whose judgments a checkpoint or one of its ancestors was trained on, and how many of them; most first. Two statements.</summary>
    public static async Task<IReadOnlyList<LineageAnnotator>> AnnotatorsAsync(AppDbContext db, Guid checkpointId, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(db);
        var judgments = await JudgmentsAsync(db, checkpointId, cancellationToken);
        var shares = await judgments
            .GroupBy(j => j.AnnotatorId)
            .Select(g => new { AnnotatorId = g.Key, Count = g.Count(), Retracted = g.Sum(j => j.RetractedAt == null ? 0 : 1) })
            .ToListAsync(cancellationToken);
        return [.. shares.OrderByDescending(s => s.Count).ThenBy(s => s.AnnotatorId).Select(s => new LineageAnnotator(s.AnnotatorId, s.Count, s.Retracted))];
    }

    /// <summary>The judgments a checkpoint or one of its ancestors was trained on, as a query to page through or to count. Reads the graph first.</summary>
    public static async Task<IQueryable<Judgment>> JudgmentsAsync(AppDbContext db, Guid checkpointId, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(db);
        var graph = await CheckpointGraph.LoadAsync(db, cancellationToken);
        var runIds = RunIds(graph, graph.Ancestors(checkpointId).Select(a => a.Id));
        return db.Judgments.Where(j => db.RunJudgments.Any(r => r.JudgmentId == j.Id && runIds.Contains(r.RunId)));
    }

    /// <summary>Every checkpoint that was trained on one of the given judgments, itself or through an ancestor.</summary>
    public static async Task<IReadOnlyList<Guid>> DescendantsOfJudgmentsAsync(AppDbContext db, IEnumerable<Guid> judgmentIds, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(db);
        HashSet<Guid> runs = [];
        foreach (var batch in judgmentIds.Distinct().Chunk(BatchSize))
        {
            runs.UnionWith(await db.RunJudgments.Where(r => batch.Contains(r.JudgmentId)).Select(r => r.RunId).Distinct().ToListAsync(cancellationToken));
        }

        return await DescendantsOfRunsAsync(db, runs, cancellationToken);
    }

    /// <summary>Every checkpoint that was trained on a judgment of an annotator in a project, standing or taken back, itself or through an ancestor. Two statements.</summary>
    public static async Task<IReadOnlyList<Guid>> DescendantsOfAnnotatorAsync(AppDbContext db, Guid projectId, Guid annotatorId, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(db);
        var runs = await db.RunJudgments
            .Where(r => db.Judgments.Any(j => j.Id == r.JudgmentId && j.ProjectId == projectId && j.AnnotatorId == annotatorId))
            .Select(r => r.RunId)
            .Distinct()
            .ToListAsync(cancellationToken);
        return await DescendantsOfRunsAsync(db, runs.ToHashSet(), cancellationToken);
    }

    private static async Task<IReadOnlyList<Guid>> DescendantsOfRunsAsync(AppDbContext db, HashSet<Guid> runIds, CancellationToken cancellationToken)
    {
        if (runIds.Count == 0)
        {
            return [];
        }

        var graph = await CheckpointGraph.LoadAsync(db, cancellationToken);
        return graph.Descendants(graph.PublishedBy(runIds));
    }

    private static List<Guid> RunIds(CheckpointGraph graph, IEnumerable<Guid> checkpointIds) => [.. checkpointIds.Select(graph.RunOf).OfType<Guid>().Distinct()];
}
