using Rlhf.Data;
using Rlhf.Hosting;

namespace Rlhf.Training.Tests.Runs;

/// <summary>A clock the test moves.</summary>
internal sealed class ManualTime : TimeProvider
{
    private DateTimeOffset _now = new(2025, 3, 1, 12, 0, 0, TimeSpan.Zero);

    public override DateTimeOffset GetUtcNow() => _now;

    public void Advance(TimeSpan by) => _now += by;
}

/// <summary>A database's clock that the test moves.</summary>
internal sealed class ManualClock(ManualTime time) : DatabaseClock(time)
{
    public override Task<DateTimeOffset> NowAsync(AppDbContext db, CancellationToken cancellationToken = default) => Task.FromResult(time.GetUtcNow());
}
