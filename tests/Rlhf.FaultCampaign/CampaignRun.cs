using System.Diagnostics;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using Rlhf.Contracts.Training;
using Rlhf.Data.Entities;

namespace Rlhf.FaultCampaign;

/// <summary>One life of the system: from an empty project, with annotators at work, to a quiet end after a given cycle.</summary>
internal sealed class CampaignRun(CampaignSystem system, CampaignOptions options, string directory, Action<string> say)
{
    private static readonly TimeSpan s_standstill = TimeSpan.FromMinutes(10);
    private readonly List<Recovery> _recoveries = [];

    /// <summary>Lives through the faults, then on to the end of the cycle after the last one.</summary>
    /// <param name="model">Directory of the first policy.</param>
    /// <param name="faults">What happens; none for the undisturbed life.</param>
    /// <param name="cycles">The last cycle; null: the next one after the last fault.</param>
    /// <param name="stop">Abandons it.</param>
    public async Task<RunOutcome> RunAsync(string model, IReadOnlyList<PlannedFault> faults, int? cycles, CancellationToken stop)
    {
        var begun = Stopwatch.GetTimestamp();
        var ledger = new Ledger(Path.Combine(directory, "judgments.log"));
        await using var people = new Operator(system);
        await using var probe = new LoopProbe(system.ConnectionString);
        var (_, keys) = await CampaignProject.SeedAsync(system.Contexts, system.Storage, model, options.Seed);
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var annotators = keys.Select(key => AnnotateAsync(key, ledger, enough.Token)).ToList();
        List<string> standstills = [];
        var last = 0;
        try
        {
            await InjectAsync(faults, probe, people, stop);
            last = cycles ?? await LastCycleAsync(stop) + 1;
            say($"all faults injected; quiet end after cycle {last}");
            await WaitAsync(probe, people, db => db.Cycles.AnyAsync(c => c.Number >= last, stop), stop);
            await enough.CancelAsync();
            await Task.WhenAll(annotators);
            await WaitAsync(probe, people, db => IsQuietAsync(db, last, stop), stop, mayBeStill: true);
        }
        catch (TimeoutException exception)
        {
            standstills.Add($"{exception.Message}: {await StateAsync()}");
            await enough.CancelAsync();
        }

        var seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds;
        await using var db = system.Contexts.CreateDbContext();
        IReadOnlyList<Check> checks =
        [
            new("the loop never stood still", standstills),
            .. await Invariants.CheckAsync(db, ledger, last, system.Storage),
            new("no run failed but by an injected fault", [.. people.Unexplained.Values]),
        ];
        return new RunOutcome(
            last,
            seconds,
            await db.Judgments.CountAsync(stop),
            await db.Runs.CountAsync(stop),
            await Audit.ClaimsAsync(db),
            ledger.Requests,
            ledger.Repeats,
            ledger.Refused.Count,
            system.Replayer.Replayed,
            system.Services.Sum(s => s.Crashes),
            people.Failures.ToDictionary(),
            _recoveries,
            // By version, which the database counts up: ids are drawn anew each time, and clocks jump.
            await db.Checkpoints.OrderBy(c => c.Version).ThenBy(c => c.Kind).Select(c => c.Kind + " " + c.ContentHash).ToListAsync(stop),
            checks);
    }

    private async Task AnnotateAsync(string key, Ledger ledger, CancellationToken stop)
    {
        using var annotator = new Annotator(system.Web.Address, key, CampaignProject.Slug, ledger, options.Seed);
        await annotator.RunAsync(stop);
    }

    private async Task InjectAsync(IReadOnlyList<PlannedFault> faults, LoopProbe probe, Operator people, CancellationToken stop)
    {
        var injector = new Faults(system);
        for (var i = 0; i < faults.Count; i++)
        {
            GiveUpIf(people);
            var fault = faults[i];
            await Task.Delay(fault.Pause, stop);
            say(FormattableString.Invariant($"{i + 1}/{faults.Count} {fault.Kind}{(fault.IsLong ? ", a minute" : "")}"));
            var from = Stopwatch.GetTimestamp();
            await injector.InjectAsync(fault, stop);
            var lifted = Stopwatch.GetTimestamp();
            if (i + 1 < faults.Count && faults[i + 1].Overlaps)
            {
                continue;
            }

            var moved = await probe.WaitForMoveAsync(lifted, s_standstill, stop);
            _recoveries.Add(new Recovery(fault.Kind, Stopwatch.GetElapsedTime(from, lifted).TotalSeconds, Stopwatch.GetElapsedTime(lifted, moved).TotalSeconds));
        }
    }

    private static void GiveUpIf(Operator people)
    {
        if (!people.Unexplained.IsEmpty)
        {
            throw new TimeoutException("a run failed by itself; the loop cannot go on");
        }
    }

    private async Task<int> LastCycleAsync(CancellationToken stop)
    {
        await using var db = system.Contexts.CreateDbContext();
        return await db.Cycles.MaxAsync(c => (int?)c.Number, stop) ?? 0;
    }

    private async Task WaitAsync(LoopProbe probe, Operator people, Func<Data.AppDbContext, Task<bool>> condition, CancellationToken stop, bool mayBeStill = false)
    {
        var begun = Stopwatch.GetTimestamp();
        while (true)
        {
            GiveUpIf(people);
            try
            {
                await using var db = system.Contexts.CreateDbContext();
                if (await condition(db))
                {
                    return;
                }
            }
            catch (Exception exception) when (exception is NpgsqlException || exception.InnerException is NpgsqlException)
            {
                // A server that was killed last is still starting.
            }

            if (mayBeStill && Stopwatch.GetElapsedTime(begun) > s_standstill)
            {
                throw new TimeoutException($"the system did not come to rest within {s_standstill}");
            }

            if (!mayBeStill)
            {
                await probe.WaitForMoveAsync(Stopwatch.GetTimestamp() - (Stopwatch.Frequency / 10), s_standstill, stop);
            }

            await Task.Delay(100, stop);
        }
    }

    private static async Task<bool> IsQuietAsync(Data.AppDbContext db, int last, CancellationToken stop) =>
        await db.Cycles.AnyAsync(c => c.Number == last && c.Status == CycleStatuses.Completed, stop)
        && !await db.Runs.AnyAsync(r => r.Status != RunStatuses.Completed, stop)
        && !await db.Outbox.AnyAsync(stop)
        && await db.ComparisonTasks.CountAsync(stop) == (last + 1) * CampaignProject.TasksPerRound;

    private async Task<string> StateAsync()
    {
        await using var db = system.Contexts.CreateDbContext();
        var cycle = await db.Cycles.OrderByDescending(c => c.Number).FirstOrDefaultAsync();
        var open = await db.ComparisonTasks.CountAsync(t => t.Status == ComparisonTaskStatuses.Open);
        var runs = await db.Runs.Where(r => r.Status != RunStatuses.Completed).Select(r => $"{r.Kind} {r.Status} step {r.Step} lease until {r.LeaseExpiresAt}").ToListAsync();
        return $"cycle {cycle?.Number} {cycle?.Status}; {open} open comparisons; {await db.Outbox.CountAsync()} messages in the outbox; runs: {string.Join(", ", runs)}";
    }
}

/// <summary>How the system got over a fault.</summary>
/// <param name="Kind">The fault.</param>
/// <param name="FaultSeconds">From the fault to its end: the process runs again and is ready, the network is back.</param>
/// <param name="MoveSeconds">From there until the loop moved.</param>
internal sealed record Recovery(string Kind, double FaultSeconds, double MoveSeconds);

/// <summary>What one life of the system gave.</summary>
internal sealed record RunOutcome(
    int Cycles,
    double Seconds,
    int Judgments,
    int Runs,
    int Claims,
    int Requests,
    int Repeats,
    int Refused,
    int Replayed,
    int Crashes,
    IReadOnlyDictionary<string, int> Failures,
    IReadOnlyList<Recovery> Recoveries,
    IReadOnlyList<string> Checkpoints,
    IReadOnlyList<Check> Checks);
