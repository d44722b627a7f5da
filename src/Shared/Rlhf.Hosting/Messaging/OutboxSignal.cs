using System.Threading.Channels;

namespace Rlhf.Hosting.Messaging;

/// <summary>Tells the dispatcher of this process that a transaction with outbox rows has committed, so that it need not wait for its next poll.</summary>
public sealed class OutboxSignal
{
    private readonly Channel<bool> _channel = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    /// <summary>There is something to dispatch.</summary>
    public void Raise() => _channel.Writer.TryWrite(true);

    /// <summary>Waits for <see cref="Raise"/>, at most <paramref name="limit"/>.</summary>
    public async Task WaitAsync(TimeSpan limit, CancellationToken cancellationToken)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(limit);
        try
        {
            await _channel.Reader.ReadAsync(timeout.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // Nothing came; the caller polls.
        }
    }
}
