using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Rlhf.Data;
using Rlhf.Data.Entities;
using Rlhf.TestServers;

namespace Rlhf.Hosting.Tests.Data;

public sealed class AfterCommitTests : IAsyncLifetime
{
    private TestDatabase _database = null!;
    private ServiceProvider _services = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _database = await TestDatabase.CreateAsync("sqlite");
        _services = new ServiceCollection().AddLogging().AddRlhfData(new ConfigurationBuilder().AddInMemoryCollection(_database.Settings).Build()).BuildServiceProvider();
    }

    public async ValueTask DisposeAsync()
    {
        await _services.DisposeAsync();
        await _database.DisposeAsync();
    }

    [Fact]
    public async Task InATransaction_DoneOnce_AfterItsCommitAndNotAfterItsSave()
    {
        await using var db = await ContextAsync();
        var done = 0;
        await using (var transaction = await db.Database.BeginTransactionAsync(Stop))
        {
            AfterCommit.Do(db, () => done++);
            await SaveAsync(db);
            Assert.Equal(0, done);
            await transaction.CommitAsync(Stop);
        }

        Assert.Equal(1, done);
        await SaveAsync(db);
        Assert.Equal(1, done);
    }

    [Fact]
    public async Task RolledBack_NeverDone()
    {
        await using var db = await ContextAsync();
        var done = 0;
        await using (var transaction = await db.Database.BeginTransactionAsync(Stop))
        {
            AfterCommit.Do(db, () => done++);
            await SaveAsync(db);
            await transaction.RollbackAsync(Stop);
        }

        db.ChangeTracker.Clear();
        await SaveAsync(db);
        Assert.Equal(0, done);
    }

    [Fact]
    public async Task WithoutATransaction_DoneAfterTheSave()
    {
        await using var db = await ContextAsync();
        var done = 0;
        AfterCommit.Do(db, () => done++);
        await SaveAsync(db);
        Assert.Equal(1, done);
    }

    private Task<AppDbContext> ContextAsync() => _services.GetRequiredService<IDbContextFactory<AppDbContext>>().CreateDbContextAsync(Stop);

    private static async Task SaveAsync(AppDbContext db)
    {
        db.Add(new Project { Name = $"{Guid.NewGuid()}", Slug = $"{Guid.NewGuid()}" });
        await db.SaveChangesAsync(Stop);
    }
}
