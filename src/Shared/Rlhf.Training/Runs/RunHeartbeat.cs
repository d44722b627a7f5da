using Microsoft.Extensions.Logging;
using Rlhf.Hosting;

namespace Rlhf.Training.Runs;

/// <summary>Renews the lease of one claim until it is disposed, and asks the run to stop when the lease is lost or somebody cancels it.</summary>
internal sealed class RunHeartbeat : IAsyncDisposable
{
    private readonly RunQueue _queue;
    private readonly RunLease _lease;
    private readonly RunStop _stop;
    private readonly RunOptions _options;
    private readonly TimeProvider _time;
    private readonly WorkerPulse _pulse;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _ended = new();
    private readonly Task _loop;

    public RunHeartbeat(RunQueue queue, RunLease lease, RunStop stop, RunOptions options, TimeProvider time, WorkerPulse pulse, ILogger logger)
    {
        (_queue, _lease, _stop, _options, _time, _pulse, _logger) = (queue, lease, stop, options, time, pulse, logger);
        _loop = LoopAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _ended.CancelAsync();
        await _loop;
        _ended.Dispose();
    }

    private async Task LoopAsync()
    {
        // Measured here, from before the renewal was sent: when it is over for us it is not yet over for the others.
        var renewedAt = _time.GetTimestamp();
        using var timer = new PeriodicTimer(_options.HeartbeatInterval, _time);
        try
        {
            while (await timer.WaitForNextTickAsync(_ended.Token))
            {
                _pulse.Beat();
                var sentAt = _time.GetTimestamp();
                try
                {
                    var state = await _queue.HeartbeatAsync(_lease, _ended.Token);
                    renewedAt = sentAt;
                    if (state != LeaseState.Held)
                    {
                        _stop.Request(state == LeaseState.Lost ? StopReason.LeaseLost : StopReason.Cancelled);
                    }
                }
                catch (Exception exception) when (exception is not OperationCanceledException)
                {
                    RunLog.HeartbeatFailed(_logger, _lease.RunId, exception.Message);
                    if (_time.GetElapsedTime(renewedAt) >= _options.LeaseDuration)
                    {
                        _stop.Request(StopReason.LeaseLost);
                    }
                }
            }
        }
        catch (OperationCanceledException) when (_ended.IsCancellationRequested)
        {
            // The run has ended.
        }
    }
}
