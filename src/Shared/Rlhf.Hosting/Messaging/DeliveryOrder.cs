namespace Rlhf.Hosting.Messaging;

/// <summary>
/// Brings the deliveries of one broker channel, which arrive on any thread, into the order the broker sent them in: those of one aggregate are handled
/// one after another, the others side by side. The broker numbers the deliveries of a channel 1, 2, 3 … (AMQP 0-9-1, delivery-tag), so a
/// delivery has its turn when all lower numbers have been seen and the one before it in its aggregate is over.
/// </summary>
internal sealed class DeliveryOrder
{
    // A channel that is being closed drops deliveries; those behind them must not wait for ever, and come again on the next channel.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    private readonly Lock _lock = new();
    private readonly Dictionary<ulong, Turn> _early = [];
    private readonly Dictionary<Guid, Turn> _last = [];
    private ulong _next = 1;

    /// <summary>Waits for the turn of a delivery. Every number must be brought here once, and every turn must be disposed.</summary>
    /// <param name="number">The delivery's number on its channel.</param>
    /// <param name="aggregate">What the message is about; null if it may be handled at any time.</param>
    /// <param name="cancellationToken">Gives the turn up.</param>
    /// <exception cref="TimeoutException">A lower number was not seen: the channel is being closed.</exception>
    public async Task<IDisposable> WaitAsync(ulong number, Guid? aggregate, CancellationToken cancellationToken)
    {
        var turn = new Turn(this, aggregate);
        lock (_lock)
        {
            _early.Add(number, turn);
            while (_early.Remove(_next, out var seen))
            {
                _next++;
                Follow(seen);
            }
        }

        try
        {
            await turn.Seen.WaitAsync(s_patience, cancellationToken);
            await turn.Begins.WaitAsync(cancellationToken);
            return turn;
        }
        catch
        {
            turn.Dispose();
            throw;
        }
    }

    private void Follow(Turn turn)
    {
        turn.SetSeen();
        if (turn.Aggregate is { } aggregate)
        {
            var before = _last.GetValueOrDefault(aggregate);
            _last[aggregate] = turn;
            if (before is not null)
            {
                before.Next = turn;
                return;
            }
        }

        turn.Begin();
        if (turn.IsOver)
        {
            End(turn);
        }
    }

    private void End(Turn turn)
    {
        lock (_lock)
        {
            turn.IsOver = true;

            // A turn that was given up while it waited is passed over when it is its time.
            while (turn.HasBegun && turn.IsOver)
            {
                if (turn.Next is not { } next)
                {
                    if (turn.Aggregate is { } aggregate && _last.TryGetValue(aggregate, out var last) && last == turn)
                    {
                        _last.Remove(aggregate);
                    }

                    return;
                }

                next.Begin();
                turn = next;
            }
        }
    }

    private sealed class Turn(DeliveryOrder order, Guid? aggregate) : IDisposable
    {
        private readonly TaskCompletionSource _seen = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _begins = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Guid? Aggregate => aggregate;

        public Task Seen => _seen.Task;

        public Task Begins => _begins.Task;

        public bool HasBegun => _begins.Task.IsCompleted;

        public bool IsOver { get; set; }

        public Turn? Next { get; set; }

        public void SetSeen() => _seen.TrySetResult();

        public void Begin() => _begins.TrySetResult();

        public void Dispose() => order.End(this);
    }
}
