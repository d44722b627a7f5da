using System.Collections.Concurrent;

namespace Rlhf.Training.Runs;

/// <summary>One thread for all heavy computation: gradient mode and default device are settings of a thread, and pool threads are not to be held for hours.</summary>
internal sealed class ComputeThread : IDisposable
{
    private readonly BlockingCollection<Action> _work = [];
    private readonly Thread _thread;

    public ComputeThread()
    {
        _thread = new Thread(Loop) { IsBackground = true, Name = "compute" };
        _thread.Start();
    }

    /// <summary>Runs an action on the thread; the task ends as the action does.</summary>
    public Task RunAsync(Action action)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

        // The caller's span is an asynchronous local; messages written on this thread belong to it.
        var caller = ExecutionContext.Capture()!;
        _work.Add(() =>
        {
            try
            {
                ExecutionContext.Run(caller, _ => action(), null);
                done.SetResult();
            }
            catch (Exception exception)
            {
                done.SetException(exception);
            }
        });
        return done.Task;
    }

    public void Dispose() => _work.CompleteAdding();

    private void Loop()
    {
        foreach (var action in _work.GetConsumingEnumerable())
        {
            action();
        }
    }
}
