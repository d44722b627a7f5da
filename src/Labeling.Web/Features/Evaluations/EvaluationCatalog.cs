using Microsoft.EntityFrameworkCore;
using Rlhf.Contracts.Labeling;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Data.Entities;
using Rlhf.Numerics;
using Rlhf.Numerics.Comparison;

namespace Labeling.Web.Features.Evaluations;

/// <summary>Reads what evaluations measured, ranks checkpoints, and asks for evaluations.</summary>
public sealed class EvaluationCatalog(IDbContextFactory<AppDbContext> contexts)
{
    /// <summary>The most prompts of one blind comparison.</summary>
    public const int MaxBlindComparisons = 10_000;

    /// <summary>Fewer judgments say nothing about the influence of length.</summary>
    private const int MinLengthControlled = 10;

    /// <summary>Who can have judged: programs in evaluations, people, the simulated annotator.</summary>
    public static IReadOnlyList<string> Judges { get; } = [WinRateNames.Checker, WinRateNames.RewardModel, JudgmentSources.Human, JudgmentSources.Simulated];

    /// <summary>The results of a project's evaluations, or of one of its checkpoints, newest run first.</summary>
    public async Task<IReadOnlyList<EvaluationRow>> ListAsync(Guid projectId, Guid? checkpointId = null, CancellationToken cancellationToken = default)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var rows = await (
            from result in db.EvaluationResults.AsNoTracking()
            join checkpoint in db.Checkpoints on result.CheckpointId equals checkpoint.Id
            where checkpoint.ProjectId == projectId && (checkpointId == null || result.CheckpointId == checkpointId)
            join other in db.Checkpoints on result.BaselineCheckpointId equals other.Id into others
            from other in others.DefaultIfEmpty()
            orderby result.CreatedAt descending, result.RunId descending, result.Task, result.Variant, result.Metric
            select new { result, checkpoint.Version, Baseline = other == null ? (int?)null : other.Version }).ToListAsync(cancellationToken);
        return [.. rows.Select(r => new EvaluationRow(r.result, r.Version, r.Baseline))];
    }

    /// <summary>Of several evaluations of a checkpoint the last result each time.</summary>
    public static IReadOnlyList<EvaluationRow> Latest(IReadOnlyList<EvaluationRow> rows) =>
        [.. rows.DistinctBy(r => (r.Result.CheckpointId, r.Result.BaselineCheckpointId, r.Result.Task, r.Result.Variant, r.Result.Metric))];

    /// <summary>The checkpoints that a judge compared, best first.</summary>
    /// <param name="projectId">The project.</param>
    /// <param name="judge">One of <see cref="Judges"/>.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task<IReadOnlyList<LeaderboardRow>> LeaderboardAsync(Guid projectId, string judge, CancellationToken cancellationToken = default)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var games = JudgmentSources.All.Contains(judge)
            ? [.. (await EvaluationGames.JudgedAsync(db, projectId, judge, cancellationToken)).Select(j => (j.First, j.Second, j.Score))]
            : await EvaluationGames.MeasuredAsync(db, projectId, judge, cancellationToken);
        var ids = games.SelectMany(g => new[] { g.First, g.Second }).Distinct().Order().ToList();
        var checkpoints = await db.Checkpoints.AsNoTracking().Where(c => ids.Contains(c.Id)).ToDictionaryAsync(c => c.Id, cancellationToken);
        var indexed = games.Select(g => new Game(ids.IndexOf(g.First), ids.IndexOf(g.Second), g.Score)).ToArray();

        // The same page twice shows the same numbers.
        var ratings = BradleyTerry.Rate(ids.Count, indexed, new Philox(1));
        var elo = EloRating.Rate(ids.Count, indexed, new Philox(1, 1));
        return [.. ids.Select((id, i) => new LeaderboardRow(
            checkpoints[id], ratings[i].Value, ratings[i].Low, ratings[i].High, elo[i], indexed.Count(g => g.First == i || g.Second == i)))
            .OrderByDescending(r => r.Rating).ThenByDescending(r => r.Checkpoint.Version)];
    }

    /// <summary>Every pair of checkpoints whose answers people compared, or are to compare.</summary>
    public async Task<IReadOnlyList<HumanComparison>> HumanComparisonsAsync(Guid projectId, CancellationToken cancellationToken = default)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var versions = await db.Checkpoints.Where(c => c.ProjectId == projectId && c.Kind == CheckpointKinds.Policy).ToDictionaryAsync(c => c.Id, c => c.Version, cancellationToken);
        var open = await (
            from task in db.ComparisonTasks
            where task.ProjectId == projectId && task.EvaluationRunId != null && task.Status == ComparisonTaskStatuses.Open
            join run in db.Runs on task.EvaluationRunId equals run.Id
            where run.PolicyCheckpointId != null && run.BaselineCheckpointId != null
            group task by new { First = run.PolicyCheckpointId!.Value, Second = run.BaselineCheckpointId!.Value } into pair
            select new { pair.Key.First, pair.Key.Second, Count = pair.Count() }).ToListAsync(cancellationToken);
        var rows = new List<HumanComparison>();
        foreach (var source in (string[])[JudgmentSources.Human, JudgmentSources.Simulated])
        {
            var judged = (await EvaluationGames.JudgedAsync(db, projectId, source, cancellationToken)).Where(j => versions.ContainsKey(j.First) && versions.ContainsKey(j.Second));
            rows.AddRange(judged.Select(Ordered).GroupBy(j => (j.First, j.Second)).Select(pair => Rate(source, pair.Key, [.. pair])));
        }

        // A comparison nobody has judged yet is shown as well.
        foreach (var pair in open.Where(o => !rows.Exists(r => IsPair(r, versions[o.First], versions[o.Second]))))
        {
            rows.Add(new(Math.Max(versions[pair.First], versions[pair.Second]), Math.Min(versions[pair.First], versions[pair.Second]), JudgmentSources.Human, double.NaN, 0, 1, null, 0, pair.Count));
        }

        return [.. rows.OrderByDescending(r => r.Version).ThenByDescending(r => r.BaselineVersion).ThenBy(r => r.Judge, StringComparer.Ordinal)];

        EvaluationGames.Judged Ordered(EvaluationGames.Judged j) =>
            versions[j.First] >= versions[j.Second] ? j : new(j.Second, j.First, 1 - j.Score, -j.LengthDifference, j.Prompt);

        HumanComparison Rate(string source, (Guid First, Guid Second) pair, IReadOnlyList<EvaluationGames.Judged> judged)
        {
            var rate = Statistics.ClusterBootstrap([.. judged.GroupBy(j => j.Prompt).Select(p => (IReadOnlyList<double>)[.. p.Select(j => j.Score)])], new Philox(1, 2));
            double? controlled = judged.Count < MinLengthControlled
                ? null
                : LengthControlledWinRate.Measure([.. judged.Select(j => j.Score)], [.. judged.Select(j => j.LengthDifference)], new Philox(1, 3), resamples: 100).Value;
            var waiting = open.Where(o => (o.First, o.Second) == pair || (o.Second, o.First) == pair).Sum(o => o.Count);
            return new(versions[pair.First], versions[pair.Second], source, rate.Value, rate.Low, rate.High, controlled, judged.Count, waiting);
        }
    }

    /// <summary>The policies of a project that can be evaluated, newest first.</summary>
    public async Task<IReadOnlyList<Checkpoint>> CandidatesAsync(Guid projectId, CancellationToken cancellationToken = default)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await Usable(db, projectId, CheckpointKinds.Policy).ToListAsync(cancellationToken);
    }

    /// <summary>The last evaluations of a project, newest first.</summary>
    public async Task<IReadOnlyList<Run>> RunsAsync(Guid projectId, int count, CancellationToken cancellationToken = default)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await db.Runs.AsNoTracking().Where(r => r.ProjectId == projectId && r.Kind == RunKinds.Eval)
            .OrderByDescending(r => r.CreatedAt).ThenByDescending(r => r.Id).Take(count).ToListAsync(cancellationToken);
    }

    /// <summary>Asks for an evaluation. The project's newest reward model judges, too, where there is a baseline.</summary>
    /// <param name="projectId">The project.</param>
    /// <param name="checkpointId">The policy to measure.</param>
    /// <param name="baselineId">The policy to compare it with, if any.</param>
    /// <param name="blindComparisons">Prompts whose two answers people compare; null takes the project's number.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>The run that will be, and every fault; one of them is empty.</returns>
    public async Task<(Guid? RunId, IReadOnlyList<string> Faults)> StartAsync(
        Guid projectId, Guid checkpointId, Guid? baselineId, int? blindComparisons, CancellationToken cancellationToken = default)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var usable = await Usable(db, projectId, CheckpointKinds.Policy).Select(c => c.Id).ToListAsync(cancellationToken);
        var faults = new List<string>();
        Require(usable.Contains(checkpointId), "The checkpoint is no policy of this project, or it is retired, or its files are gone.");
        Require(baselineId is not { } baseline || usable.Contains(baseline), "The policy to compare with is none of this project, or it is retired, or its files are gone.");
        Require(baselineId != checkpointId, "A policy cannot be compared with itself: choose another, or none.");
        Require(blindComparisons is null or (>= 0 and <= MaxBlindComparisons), $"Blind comparisons are {blindComparisons}; they must be from 0 to {MaxBlindComparisons}.");
        Require(blindComparisons is null or 0 || baselineId is not null, "Blind comparisons need a policy to compare with.");
        if (blindComparisons > 0 && !await db.Prompts.AnyAsync(p => p.ProjectId == projectId && p.Split == Splits.HeldOut, cancellationToken))
        {
            faults.Add("Blind comparisons are made on held-out prompts, and the project has none.");
        }

        if (faults.Count > 0)
        {
            return (null, faults);
        }

        var command = new StartRun
        {
            CommandId = Guid.CreateVersion7(),
            ProjectId = projectId,
            Kind = RunKinds.Eval,
            Seed = await db.Projects.Where(p => p.Id == projectId).Select(p => p.Seed).SingleAsync(cancellationToken),
            PolicyCheckpointId = checkpointId,
            BaselineCheckpointId = baselineId,
            RewardCheckpointId = await Usable(db, projectId, CheckpointKinds.RewardModel).Select(c => (Guid?)c.Id).FirstOrDefaultAsync(cancellationToken),
            BlindComparisons = blindComparisons,
        };
        OutboxWriter.Add(db, command);
        await db.SaveChangesAsync(cancellationToken);
        return (command.CommandId, []);

        void Require(bool holds, string fault)
        {
            if (!holds)
            {
                faults.Add(fault);
            }
        }
    }

    private static IQueryable<Checkpoint> Usable(AppDbContext db, Guid projectId, string kind) => db.Checkpoints.AsNoTracking()
        .Where(c => c.ProjectId == projectId && c.Kind == kind && c.RetiredAt == null && c.FilesDeletedAt == null)
        .OrderByDescending(c => c.Version);

    private static bool IsPair(HumanComparison row, int first, int second) => (row.Version, row.BaselineVersion) == (Math.Max(first, second), Math.Min(first, second));
}
