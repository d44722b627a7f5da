using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Data.Entities;
using Rlhf.Hosting;

namespace Rlhf.Training.Runs;

/// <summary>Claims the runs this process has executors for, one at a time, and executes them on the compute thread under a heartbeat.</summary>
public sealed class RunWorker(
    RunQueue queue,
    ComputeDevice gate,
    IServiceScopeFactory scopes,
    IOptions<RunOptions> options,
    IOptions<StorageOptions> storage,
    IDbContextFactory<AppDbContext> contexts,
    TimeProvider time,
    WorkerPulse pulse,
    ILogger<RunWorker> logger) : BackgroundService
{
    // Where models are loaded to and computed.
    private const string TorchDevice = "cpu";

    private static readonly TimeSpan s_databaseRetryInterval = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan s_queueDepthInterval = TimeSpan.FromSeconds(15);

    private readonly ComputeThread _compute = new();
    private readonly RunSpace _space = new(contexts, storage);

    /// <summary>Names this worker in the leases it holds: machine, process, and a number no other process ever has.</summary>
    public string Owner { get; } = $"{Environment.MachineName}/{Environment.ProcessId}/{Guid.NewGuid():N}";

    /// <summary>Names the device of this process: no two runs run on one, in whatever process.</summary>
    public string Device { get; } = options.Value.Device ?? $"{Environment.MachineName}/{TorchDevice}";

    /// <inheritdoc/>
    public override void Dispose()
    {
        _compute.Dispose();
        base.Dispose();
    }

    /// <summary>Claims and executes one run, if there is one and the device is free. Returns whether it did.</summary>
    internal async Task<bool> ExecuteNextAsync(IReadOnlyCollection<string> kinds, CancellationToken stoppingToken)
    {
        await queue.RequeueExpiredAsync(stoppingToken);
        using var turn = await gate.EnterAsync(stoppingToken);
        if (await queue.ClaimAsync(kinds, Owner, Device, stoppingToken) is not { } run)
        {
            return false;
        }

        await ExecuteRunAsync(run, stoppingToken);
        return true;
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var kinds = FindKinds();
        var depth = ReportQueueDepthAsync(stoppingToken);
        await ExecuteRunsAsync(kinds, stoppingToken);
        await depth;
    }

    private async Task ExecuteRunsAsync(string[] kinds, CancellationToken stoppingToken)
    {
        var started = false;
        while (!stoppingToken.IsCancellationRequested)
        {
            pulse.Beat();
            try
            {
                if (!started && options.Value.TakeOverAtStart)
                {
                    await queue.RequeueDeadOwnersAsync(Owner, stoppingToken);
                }

                started = true;
                if (!await ExecuteNextAsync(kinds, stoppingToken))
                {
                    await Task.Delay(options.Value.PollInterval, time, stoppingToken);
                }
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception exception)
            {
                RunLog.QueueFailed(logger, exception.Message);
                await Task.Delay(TimeSpan.FromSeconds(1), time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private string[] FindKinds()
    {
        using var scope = scopes.CreateScope();
        var kinds = scope.ServiceProvider.GetServices<IRunExecutor>().Select(e => e.Kind).ToArray();
        return kinds.Distinct(StringComparer.Ordinal).Count() == kinds.Length
            ? kinds
            : throw new InvalidOperationException($"A run kind has two executors: {string.Join(", ", kinds.Order(StringComparer.Ordinal))}.");
    }

    private async Task ReportQueueDepthAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(s_queueDepthInterval, time);
        try
        {
            do
            {
                try
                {
                    if (RunTelemetry.WantsQueueDepth)
                    {
                        RunTelemetry.QueueDepth(await queue.CountQueuedAsync(stoppingToken));
                    }
                }
                catch (Exception exception) when (exception is not OperationCanceledException)
                {
                    RunLog.QueueFailed(logger, exception.Message);
                }
            }
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The host stops.
        }
    }

    private async Task ExecuteRunAsync(Run run, CancellationToken stoppingToken)
    {
        var lease = new RunLease(run.Id, Owner, run.FencingToken);
        using var span = RunTelemetry.Claimed(run);
        var claimedAt = time.GetTimestamp();
        var outcome = RunOutcome.LeaseLost;
        using var stop = new RunStop();
        await using var registration = stoppingToken.Register(() => stop.Request(StopReason.Shutdown));
        RunLog.Started(logger, run.Id, run.Kind, Device, run.Attempt);
        try
        {
            await using var heartbeat = new RunHeartbeat(queue, lease, stop, options.Value, time, pulse, logger);
            await using var scope = scopes.CreateAsyncScope();
            outcome = await ExecuteToTheEndAsync(run, lease, stop, scope.ServiceProvider, stoppingToken);
        }
        catch (LeaseLostException exception)
        {
            RunLog.LeaseLost(logger, exception.Message);
        }
        catch (Exception exception)
        {
            // The run's end could not be written. Its lease runs out, and another attempt goes on from the last state.
            RunLog.EndFailed(logger, exception, run.Id);
        }
        finally
        {
            RunTelemetry.Ended(run, outcome, time.GetElapsedTime(claimedAt), span);
        }
    }

    private async Task<RunOutcome> ExecuteToTheEndAsync(Run run, RunLease lease, RunStop stop, IServiceProvider services, CancellationToken stoppingToken)
    {
        RunContext? context = null;
        Exception? error = null;
        try
        {
            context = await PrepareAsync(run, lease, stop, services);
            var executor = services.GetServices<IRunExecutor>().Single(e => e.Kind == run.Kind);
            if (!await EndsInTimeAsync(_compute.RunAsync(() => executor.Execute(context)), stoppingToken))
            {
                // The process is about to end under it. The fence keeps out whatever it still does.
                RunLog.Abandoned(logger, run.Id, options.Value.ShutdownTimeout);
                await queue.ReleaseAsync(lease, CancellationToken.None);
                return RunOutcome.Released;
            }
        }
        catch (Exception exception)
        {
            error = exception;
        }

        if (stop.Reason == StopReason.LeaseLost)
        {
            throw new LeaseLostException(lease);
        }

        var wasStopped = stop.Reason != StopReason.None && (error is OperationCanceledException || (error is null && context!.Completion is null));
        if (wasStopped)
        {
            return await StopAsync(lease, stop);
        }

        if (error is null && context!.Completion is { } completion)
        {
            error = await TryCompleteAsync(lease, stop, completion);
            if (error is null)
            {
                RunLog.Completed(logger, run.Id);
                RemoveState(storage.Value.RunPath(run.Id));
                return RunOutcome.Completed;
            }
        }

        error ??= new InvalidOperationException($"The executor of '{run.Kind}' returned without completing the run.");
        return await FailAsync(lease, stop, error, madeProgress: context?.LastStep > run.Step);
    }

    private async Task<RunContext> PrepareAsync(Run run, RunLease lease, RunStop stop, IServiceProvider services)
    {
        var stateDirectory = RunStateDirectory.TakeOver(storage.Value.RunPath(run.Id), lease.FencingToken);
        var checkpointStore = Directory.CreateDirectory(storage.Value.CheckpointPath).FullName;
        await _space.RequireAsync(run, stateDirectory, checkpointStore);
        return new RunContext(run, lease, queue, stop, stateDirectory, checkpointStore, services, options.Value.ProgressInterval, storage.Value.MinimumFreeBytes, time);
    }

    /// <summary>Waits for the executor; when the process is to stop, only so much longer.</summary>
    private async Task<bool> EndsInTimeAsync(Task work, CancellationToken stoppingToken)
    {
        var stopping = Task.Delay(Timeout.InfiniteTimeSpan, stoppingToken);
        if (await Task.WhenAny(work, stopping) != work && await Task.WhenAny(work, Task.Delay(options.Value.ShutdownTimeout, time, CancellationToken.None)) != work)
        {
            return false;
        }

        await work;
        return true;
    }

    private async Task<RunOutcome> StopAsync(RunLease lease, RunStop stop)
    {
        if (stop.Reason == StopReason.Cancelled)
        {
            await InsistAsync(stop, () => queue.CancelAsync(lease));
            RunLog.Cancelled(logger, lease.RunId);
            return RunOutcome.Cancelled;
        }

        await InsistAsync(stop, () => queue.ReleaseAsync(lease));
        RunLog.Released(logger, lease.RunId);
        return RunOutcome.Released;
    }

    private async Task<Exception?> TryCompleteAsync(RunLease lease, RunStop stop, (Guid? OutputCheckpointId, Action<AppDbContext> Effects) completion)
    {
        try
        {
            await InsistAsync(stop, () => queue.CompleteAsync(lease, completion.OutputCheckpointId, completion.Effects));
            return null;
        }
        catch (Exception exception) when (exception is not LeaseLostException)
        {
            return exception;
        }
    }

    private async Task<RunOutcome> FailAsync(RunLease lease, RunStop stop, Exception error, bool madeProgress)
    {
        // What EF says first is only that the reason stands further inside.
        var text = $"{(error is DbUpdateException { InnerException: { } inner } ? inner.Message : error.Message)}\n{error}";
        var status = RunStatuses.Failed;
        await InsistAsync(stop, async () =>
        {
            if (RunFaults.IsTransient(error))
            {
                status = await queue.RetryAsync(lease, text, madeProgress);
            }
            else
            {
                await queue.FailAsync(lease, text);
            }
        });
        switch (status)
        {
            case RunStatuses.Queued:
                RunLog.Retried(logger, error, lease.RunId);
                return RunOutcome.Retried;
            case RunStatuses.Cancelled:
                RunLog.Cancelled(logger, lease.RunId);
                return RunOutcome.Cancelled;
            default:
                RunLog.Failed(logger, error, lease.RunId);
                return RunOutcome.Failed;
        }
    }

    /// <summary>Repeats a write while the database is away, as long as the lease lasts.</summary>
    private async Task InsistAsync(RunStop stop, Func<Task> write)
    {
        while (true)
        {
            try
            {
                await write();
                return;
            }
            catch (Exception exception) when (RunFaults.IsDatabaseAway(exception) && stop.Reason != StopReason.LeaseLost)
            {
                await Task.Delay(s_databaseRetryInterval, time);
            }
        }
    }

    private void RemoveState(string directory)
    {
        try
        {
            Directory.Delete(directory, recursive: true);
        }
        catch (IOException exception)
        {
            RunLog.StateStays(logger, directory, exception.Message);
        }
    }
}
