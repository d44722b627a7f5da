using System.Collections.Concurrent;
using System.Data.Common;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Rlhf.Contracts.Training;
using Rlhf.Hosting;
using Rlhf.Training.Runs;

namespace Rlhf.FaultCampaign;

/// <summary>
/// What stands beside a real system: an orchestrator that starts processes again which have ended, and a person who resumes failed runs once
/// the cause is gone.
/// </summary>
internal sealed class Operator : IAsyncDisposable
{
    // What an injected fault can make a run fail with: what may pass has not passed often enough (no space, no database), and says so.
    private static readonly string[] s_injected = ["in a row, the last that is allowed", "No space left on device", "There is not enough space"];

    private readonly CampaignSystem _system;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _working;

    public Operator(CampaignSystem system)
    {
        _system = system;
        _working = WorkAsync();
    }

    /// <summary>Failures of runs by their error's first line, and how often.</summary>
    public ConcurrentDictionary<string, int> Failures { get; } = new();

    /// <summary>Runs with a failure that no injected fault explains; they stay failed.</summary>
    public ConcurrentDictionary<Guid, string> Unexplained { get; } = new();

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _working;
        _stop.Dispose();
    }

    private async Task WorkAsync()
    {
        var queue = new RunQueue(_system.Contexts, Options.Create(new RunOptions()), new DatabaseClock(TimeProvider.System));
        while (!_stop.IsCancellationRequested)
        {
            foreach (var service in _system.Services)
            {
                service.RestartIfEnded();
            }

            try
            {
                await ResumeAsync(queue);
            }
            catch (Exception exception) when (exception is DbException or InvalidOperationException or TimeoutException)
            {
                // The database is away.
            }

            await Task.Delay(500, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task ResumeAsync(RunQueue queue)
    {
        await using var db = _system.Contexts.CreateDbContext();
        var failed = await db.Runs.AsNoTracking().Where(r => r.Status == RunStatuses.Failed).Select(r => new { r.Id, r.Kind, r.Error }).ToListAsync(_stop.Token);
        foreach (var run in failed)
        {
            var error = run.Error?.Split('\n')[0] ?? "no error";
            if (!s_injected.Any(word => error.Contains(word, StringComparison.Ordinal)))
            {
                // It would fail again, and again.
                Unexplained.TryAdd(run.Id, $"the {run.Kind} run {run.Id} failed by itself: {error}");
            }
            else if (await queue.ResumeAsync(run.Id, _stop.Token))
            {
                Failures.AddOrUpdate(error, 1, (_, count) => count + 1);
            }
        }
    }
}
