using Labeling.Web.Live;
using Microsoft.Extensions.Logging.Abstractions;

namespace Labeling.Web.Tests.Live;

public sealed class ProjectNotifierTests
{
    private readonly ProjectNotifier _notifier = new(NullLogger<ProjectNotifier>.Instance);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Changed_WhileASubscriberIsBusy_CallsItOnceMore()
    {
        var project = Guid.NewGuid();
        var calls = 0;
        var entered = new SemaphoreSlim(0);
        var release = new SemaphoreSlim(0);
        using var subscription = _notifier.Subscribe(project, async () =>
        {
            Interlocked.Increment(ref calls);
            entered.Release();
            await release.WaitAsync(Stop);
        });

        _notifier.Changed(project);
        await entered.WaitAsync(Stop);
        for (var i = 0; i < 100; i++)
        {
            _notifier.Changed(project);
        }

        release.Release(2);
        await entered.WaitAsync(Stop);
        Assert.Equal(2, calls);
    }

    [Fact]
    public async Task Changed_SubscriberFails_TheOthersAreCalled()
    {
        var project = Guid.NewGuid();
        var called = new TaskCompletionSource();
        using var failing = _notifier.Subscribe(project, () => throw new InvalidOperationException("page is broken"));
        using var working = _notifier.Subscribe(project, () =>
        {
            called.TrySetResult();
            return Task.CompletedTask;
        });

        _notifier.Changed(project);
        await called.Task.WaitAsync(TimeSpan.FromSeconds(30), Stop);
    }

    [Fact]
    public async Task Changed_DisposedOrOtherProject_IsNotCalled()
    {
        var (project, other) = (Guid.NewGuid(), Guid.NewGuid());
        var wrong = 0;
        _notifier.Subscribe(project, () => Task.FromResult(Interlocked.Increment(ref wrong))).Dispose();
        using var elsewhere = _notifier.Subscribe(other, () => Task.FromResult(Interlocked.Increment(ref wrong)));
        var called = new TaskCompletionSource();
        using var last = _notifier.Subscribe(project, () =>
        {
            called.TrySetResult();
            return Task.CompletedTask;
        });

        _notifier.Changed(project);
        await called.Task.WaitAsync(TimeSpan.FromSeconds(30), Stop);
        Assert.Equal(0, wrong);
    }
}
