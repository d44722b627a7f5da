using System.Collections.Immutable;
using Microsoft.Extensions.Logging;

namespace Labeling.Web.Live;

/// <summary>
/// Callbacks by id. Notifying never waits and never fails for the notifier. Notifications that arrive while a subscriber is still busy
/// with the last one are merged into a single further call, so a slow page cannot pile up work.
/// </summary>
internal sealed partial class Subscriptions(ILogger logger)
{
    private ImmutableDictionary<Guid, ImmutableList<Subscription>> _byId = ImmutableDictionary<Guid, ImmutableList<Subscription>>.Empty;

    public IDisposable Add(Guid id, Func<Task> callback)
    {
        var subscription = new Subscription(this, id, callback);
        ImmutableInterlocked.AddOrUpdate(ref _byId, id, [subscription], (_, list) => list.Add(subscription));
        return subscription;
    }

    public void Notify(Guid id)
    {
        foreach (var subscription in _byId.GetValueOrDefault(id, []))
        {
            subscription.Notify();
        }
    }

    private void Remove(Subscription subscription) => ImmutableInterlocked.Update(ref _byId, byId =>
        byId.TryGetValue(subscription.Id, out var list) && list.Remove(subscription) is var left
            ? left.IsEmpty ? byId.Remove(subscription.Id) : byId.SetItem(subscription.Id, left)
            : byId);

    private sealed class Subscription(Subscriptions owner, Guid id, Func<Task> callback) : IDisposable
    {
        private const int Idle = 0, Busy = 1, BusyAndAgain = 2;

        private int _state;
        private volatile bool _disposed;

        public Guid Id => id;

        public void Notify()
        {
            while (true)
            {
                var state = Volatile.Read(ref _state);
                if (state == BusyAndAgain)
                {
                    return;
                }

                if (Interlocked.CompareExchange(ref _state, state + 1, state) == state)
                {
                    if (state == Idle)
                    {
                        _ = Task.Run(RunAsync);
                    }

                    return;
                }
            }
        }

        public void Dispose()
        {
            _disposed = true;
            owner.Remove(this);
        }

        private async Task RunAsync()
        {
            do
            {
                Volatile.Write(ref _state, Busy);
                try
                {
                    if (!_disposed)
                    {
                        await callback();
                    }
                }
                catch (ObjectDisposedException)
                {
                    // The circuit ended between the check and the call.
                }
                catch (Exception exception)
                {
                    Log.CallbackFailed(owner.Logger, exception);
                }
            }
            while (Interlocked.CompareExchange(ref _state, Idle, Busy) != Busy);
        }
    }

    private ILogger Logger => logger;

    private static partial class Log
    {
        [LoggerMessage(1001, LogLevel.Warning, "a page could not show a live update")]
        public static partial void CallbackFailed(ILogger logger, Exception exception);
    }
}
