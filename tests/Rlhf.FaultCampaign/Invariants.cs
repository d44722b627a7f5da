using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Data.Entities;
using Rlhf.Hosting;
using Rlhf.Training.Publishing;

namespace Rlhf.FaultCampaign;

/// <summary>An invariant and what is wrong with it; nothing means that it holds.</summary>
internal sealed record Check(string Invariant, IReadOnlyList<string> Violations);

/// <summary>What must hold after the quiet end, whatever happened before. Every check returns what is wrong, in words; nothing means that it holds.</summary>
internal static class Invariants
{
    /// <summary>All checks on one database.</summary>
    /// <param name="db">The database after the quiet end.</param>
    /// <param name="ledger">What the annotators know.</param>
    /// <param name="cycles">How many cycles there must be.</param>
    /// <param name="storage">Where the checkpoints lie.</param>
    public static async Task<IReadOnlyList<Check>> CheckAsync(AppDbContext db, Ledger ledger, int cycles, StorageOptions storage)
    {
        var judgments = await db.Judgments.AsNoTracking().ToListAsync();
        var tasks = await db.ComparisonTasks.AsNoTracking().ToListAsync();
        var runs = await db.Runs.AsNoTracking().ToListAsync();
        var checkpoints = await db.Checkpoints.AsNoTracking().ToListAsync();
        return
        [
            new("every acknowledged judgment is there exactly once", [.. Judgments(judgments, ledger)]),
            new("no task was over-collected", [.. Tasks(judgments, tasks)]),
            new("no run ran twice at once", await Audit.FindAsync(db)),
            new("every run ended, completed once", [.. Runs(runs, checkpoints)]),
            new("cycles follow one another, each complete", [.. Cycles(await db.Cycles.AsNoTracking().ToListAsync(), judgments, cycles)]),
            new("sampled answers became comparisons, once", [.. Completions(runs, await db.Completions.AsNoTracking().ToListAsync(), tasks)]),
            new("no message is left or was given up", [.. Messages(await db.Outbox.CountAsync(), await db.FailedMessages.AsNoTracking().ToListAsync())]),
            new("checkpoints are what their rows say", [.. Store(checkpoints, storage)]),
        ];
    }

    /// <summary>Acknowledged judgments are there exactly once, and nobody's are not.</summary>
    public static IEnumerable<string> Judgments(IReadOnlyList<Judgment> judgments, Ledger ledger)
    {
        var byId = judgments.ToDictionary(j => j.Id);
        foreach (var (id, lease) in ledger.Acknowledged)
        {
            if (!byId.TryGetValue(id, out var judgment))
            {
                yield return $"judgment {id} was acknowledged and is not in the database";
            }
            else if (judgment.LeaseToken != lease || judgment.Choice != ledger.Sent[lease])
            {
                yield return $"judgment {id} was acknowledged for lease {lease}, choice {ledger.Sent[lease]}; stored are {judgment.LeaseToken}, {judgment.Choice}";
            }
        }

        foreach (var judgment in judgments.Where(j => j.LeaseToken is not { } lease || !ledger.Sent.ContainsKey(lease)))
        {
            yield return $"judgment {judgment.Id} is in the database and no annotator sent it";
        }

        foreach (var repeated in judgments.GroupBy(j => j.LeaseToken).Where(g => g.Count() > 1))
        {
            yield return $"lease {repeated.Key} has {repeated.Count()} judgments";
        }
    }

    /// <summary>No task has more judgments than it may have, nor two of one annotator, and its count is right.</summary>
    public static IEnumerable<string> Tasks(IReadOnlyList<Judgment> judgments, IReadOnlyList<ComparisonTask> tasks)
    {
        var counts = judgments.Where(j => j.RetractedAt is null).GroupBy(j => j.TaskId).ToDictionary(g => g.Key, g => g.ToList());
        foreach (var task in tasks)
        {
            var counting = counts.GetValueOrDefault(task.Id, []);
            if (counting.Count > CampaignProject.JudgmentsPerTask || counting.Count != task.JudgmentCount)
            {
                yield return $"task {task.Id} has {counting.Count} judgments, counts {task.JudgmentCount}, and may have {CampaignProject.JudgmentsPerTask}";
            }

            if (counting.Select(j => j.AnnotatorId).Distinct().Count() != counting.Count)
            {
                yield return $"task {task.Id} was judged twice by the same annotator";
            }
        }
    }

    /// <summary>Every cycle from the first to the last once, complete, over the judgments of its round.</summary>
    public static IEnumerable<string> Cycles(IReadOnlyList<Cycle> cycles, IReadOnlyList<Judgment> judgments, int expected)
    {
        var numbers = cycles.Select(c => c.Number).Order().ToList();
        if (!numbers.SequenceEqual(Enumerable.Range(1, expected)))
        {
            yield return $"the cycles are {string.Join(", ", numbers)}; expected 1 to {expected}, each once";
        }

        foreach (var cycle in cycles)
        {
            var used = judgments.Count(j => j.CycleId == cycle.Id);
            if (cycle.Status != CycleStatuses.Completed || used != CampaignProject.JudgmentsPerCycle)
            {
                yield return $"cycle {cycle.Number} is {cycle.Status} ({cycle.Reason}) over {used} judgments; expected {CycleStatuses.Completed} over {CampaignProject.JudgmentsPerCycle}";
            }
        }
    }

    /// <summary>Every run has completed, with one checkpoint if its kind publishes one.</summary>
    public static IEnumerable<string> Runs(IReadOnlyList<Run> runs, IReadOnlyList<Checkpoint> checkpoints)
    {
        foreach (var run in runs)
        {
            if (run.Status != RunStatuses.Completed)
            {
                yield return $"the {run.Kind} run {run.Id} is {run.Status} at step {run.Step}: {run.Error}";
            }

            var published = checkpoints.Count(c => c.RunId == run.Id);
            if (published != (run.Kind == RunKinds.Sample ? 0 : 1))
            {
                yield return $"the {run.Kind} run {run.Id} has published {published} checkpoints";
            }
        }

        foreach (var twice in runs.GroupBy(r => (r.CycleId, r.Kind)).Where(g => g.Count() > 1))
        {
            yield return $"cycle {twice.Key.CycleId} has {twice.Count()} runs of kind {twice.Key.Kind}";
        }
    }

    /// <summary>Every sampling run has stored its completions once, and they became one round of comparisons.</summary>
    public static IEnumerable<string> Completions(IReadOnlyList<Run> runs, IReadOnlyList<Completion> completions, IReadOnlyList<ComparisonTask> tasks)
    {
        foreach (var run in runs.Where(r => r.Kind == RunKinds.Sample))
        {
            var written = completions.Where(c => c.RunId == run.Id).Select(c => c.Id).ToHashSet();
            var compared = tasks.Count(t => written.Contains(t.CompletionAId));
            if (written.Count != 2 * CampaignProject.TasksPerRound || compared != CampaignProject.TasksPerRound)
            {
                yield return $"the sampling run {run.Id} has {written.Count} completions in {compared} comparisons; expected {2 * CampaignProject.TasksPerRound} in {CampaignProject.TasksPerRound}";
            }
        }
    }

    /// <summary>Nothing waits to be published, and no message was given up.</summary>
    public static IEnumerable<string> Messages(int outbox, IReadOnlyList<FailedMessage> failed)
    {
        if (outbox > 0)
        {
            yield return $"{outbox} messages are still in the outbox";
        }

        foreach (var message in failed)
        {
            yield return $"message {message.MessageId} ({message.Type}) failed at {message.Endpoint}{(message.SetAsideAt is null ? "" : " and was set aside")}: {message.Error}";
        }
    }

    /// <summary>Every checkpoint's files are there and are what its row says.</summary>
    public static IEnumerable<string> Store(IReadOnlyList<Checkpoint> checkpoints, StorageOptions storage)
    {
        var store = new CheckpointStore(Options.Create(storage));
        foreach (var checkpoint in checkpoints)
        {
            string? fault = null;
            try
            {
                store.Verify(checkpoint.Path, checkpoint.ContentHash);
            }
            catch (Exception exception) when (exception is IOException or InvalidDataException or InvalidOperationException)
            {
                fault = $"checkpoint {checkpoint.Id}: {exception.Message}";
            }

            if (fault is not null)
            {
                yield return fault;
            }
        }
    }

    /// <summary>The checkpoints of both campaigns, in order, are the same bit for bit.</summary>
    public static IEnumerable<string> SameWeights(IReadOnlyList<string> undisturbed, IReadOnlyList<string> disturbed)
    {
        if (undisturbed.Count != disturbed.Count)
        {
            yield return $"there are {disturbed.Count} checkpoints; without faults {undisturbed.Count}";
        }

        foreach (var (i, expected, actual) in undisturbed.Zip(disturbed).Select((pair, i) => (i, pair.First, pair.Second)).Where(p => p.First != p.Second).Take(1))
        {
            yield return $"from checkpoint {i + 1} on the weights differ: {actual}; without faults {expected}";
        }
    }
}
