using System.Diagnostics;
using Npgsql;

namespace Rlhf.FaultCampaign;

/// <summary>Watches whether the loop moves: judgments, runs and their steps, decisions, checkpoints, comparisons.</summary>
internal sealed class LoopProbe : IAsyncDisposable
{
    private const string Signature = """
        SELECT (SELECT count(*) FROM "Judgments") || '/' || (SELECT coalesce(sum("Step" + "Version" + "FencingToken"), 0) FROM "Runs") || '/'
            || (SELECT count(*) FROM "CycleDecisions") || '/' || (SELECT count(*) FROM "Checkpoints") || '/' || (SELECT count(*) FROM "ComparisonTasks")
        """;

    private readonly string _connectionString;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _watching;
    private long _movedAt = Stopwatch.GetTimestamp();

    public LoopProbe(string connectionString)
    {
        _connectionString = connectionString + ";Application Name=probe;Pooling=false;Command Timeout=5";
        _watching = Task.Run(WatchAsync);
    }

    /// <summary>Waits until something has moved after a point in time, and returns when (as <see cref="Stopwatch.GetTimestamp"/>).</summary>
    /// <exception cref="TimeoutException">Nothing moved within the limit.</exception>
    public async Task<long> WaitForMoveAsync(long after, TimeSpan limit, CancellationToken cancellationToken)
    {
        while (true)
        {
            var movedAt = Interlocked.Read(ref _movedAt);
            if (movedAt > after)
            {
                return movedAt;
            }

            if (Stopwatch.GetElapsedTime(after) > limit)
            {
                throw new TimeoutException($"the loop has stood still for {limit}");
            }

            await Task.Delay(50, cancellationToken);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _watching;
        _stop.Dispose();
    }

    private async Task WatchAsync()
    {
        string? last = null;
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await using var connection = new NpgsqlConnection(_connectionString);
                await connection.OpenAsync(_stop.Token);
                await using var command = new NpgsqlCommand(Signature, connection);
                while (true)
                {
                    var now = (string?)await command.ExecuteScalarAsync(_stop.Token);
                    if (now != last)
                    {
                        last = now;
                        Interlocked.Exchange(ref _movedAt, Stopwatch.GetTimestamp());
                    }

                    await Task.Delay(100, _stop.Token);
                }
            }
            catch (Exception exception) when (exception is NpgsqlException or OperationCanceledException or TimeoutException or IOException)
            {
                // The database is away: nothing moves.
                await Task.Delay(100);
            }
        }
    }
}
