using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Rlhf.Contracts.Labeling;
using Rlhf.Data;
using Rlhf.Hosting.Messaging;
using Rlhf.TestServers;

namespace Rlhf.Hosting.Tests.Messaging;

/// <summary>A failure that cannot be written down, because the database is away, waits for it: given up, nothing would know of the message.</summary>
public sealed class FailedMessageStoreTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Record_DatabaseIsAway_WaitsUntilItIsBack()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var contexts = new Contexts(database) { Away = 2 };
        var time = new ImmediateTime();
        var store = Store(database, contexts, time);

        var again = await store.RecordAsync(Guid.NewGuid(), "e", new MessagePlace(1, null, null), new PromptsImported { ProjectId = Guid.NewGuid(), Count = 1 }, new InvalidOperationException("for now"), Stop);

        Assert.True(again);
        Assert.Equal((-1, 2), (contexts.Away, time.Waits));
        await using var db = database.CreateDbContext();
        Assert.Contains("for now", (await db.FailedMessages.SingleAsync(Stop)).Error, StringComparison.Ordinal);
        Assert.Single(await db.Outbox.ToListAsync(Stop));
    }

    [Fact]
    public async Task Record_ProcessStopsWhileTheDatabaseIsAway_EndsTheWait()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        using var stop = new CancellationTokenSource();
        var contexts = new Contexts(database) { Away = int.MaxValue, Asked = stop.Cancel };
        var store = Store(database, contexts, TimeProvider.System);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => store.RecordAsync(
            Guid.NewGuid(), "e", new MessagePlace(1, null, null), new PromptsImported { ProjectId = Guid.NewGuid(), Count = 1 }, new InvalidOperationException("for now"), stop.Token));
    }

    private static FailedMessageStore Store(TestDatabase database, Contexts contexts, TimeProvider time)
    {
        var options = Options.Create(new MessagingOptions());
        return new FailedMessageStore(contexts, new OutboxSettlement(new EndpointMap()), new OutboxSignal(), [], options, time);
    }

    private sealed class Contexts(TestDatabase database) : IDbContextFactory<AppDbContext>
    {
        public int Away { get; set; }

        public Action Asked { get; init; } = () => { };

        public AppDbContext CreateDbContext()
        {
            Asked();
            return Away-- > 0 ? throw new TimeoutException("the database does not answer") : database.CreateDbContext();
        }
    }

    // Every wait is over at once, and counted.
    private sealed class ImmediateTime : TimeProvider
    {
        public int Waits { get; private set; }

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            Waits++;
            return base.CreateTimer(callback, state, TimeSpan.Zero, period);
        }
    }
}
