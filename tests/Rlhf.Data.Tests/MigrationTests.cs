using Microsoft.EntityFrameworkCore;
using Rlhf.Data.Sqlite;
using Rlhf.TestServers;

namespace Rlhf.Data.Tests;

public sealed class MigrationTests
{
    public static TheoryData<string> Providers => TestDatabase.Providers;

    [Theory]
    [MemberData(nameof(Providers))]
    public async Task Migrations_OfEitherProvider_HoldTheWholeModel(string provider)
    {
        await using var database = await TestDatabase.CreateAsync(provider, migrate: false);
        await using var db = database.CreateDbContext();

        Assert.False(db.Database.HasPendingModelChanges(), "run tools/Rlhf.Migrations/ef.sh NAME");
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public async Task Migrate_EmptyDatabase_EveryTableCanBeQueried(string provider)
    {
        await using var database = await TestDatabase.CreateAsync(provider);
        await using var db = database.CreateDbContext();

        Assert.Empty(await db.Database.GetPendingMigrationsAsync(TestContext.Current.CancellationToken));
        foreach (var table in db.Model.GetEntityTypes().Select(e => e.GetTableName()!).Distinct())
        {
#pragma warning disable EF1002 // Table names come from the model.
            Assert.Equal(0, await db.Database.SqlQueryRaw<long>($"SELECT COUNT(*) AS \"Value\" FROM \"{table}\"").SingleAsync(TestContext.Current.CancellationToken));
#pragma warning restore EF1002
        }
    }

    [Fact]
    public async Task Migrate_AfterAMigrationThatDied_GoesOnOnceTheStaleLockIsCleared()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        await using var db = database.CreateDbContext();
        await db.Database.ExecuteSqlAsync($"INSERT INTO __EFMigrationsLock (Id, Timestamp) VALUES (1, '2020-01-01')", TestContext.Current.CancellationToken);

        // The row makes the migration wait …
        using var limit = new CancellationTokenSource(TimeSpan.FromMilliseconds(500));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => db.Database.MigrateAsync(limit.Token));

        // … until it is gone.
        await SqliteDatabase.ClearStaleMigrationLockAsync(db, TestContext.Current.CancellationToken);
        await db.Database.MigrateAsync(TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task ClearStaleLock_NewDatabase_DoesNothing()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite", migrate: false);
        await using var db = database.CreateDbContext();

        await SqliteDatabase.ClearStaleMigrationLockAsync(db, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Sqlite_EveryConnection_HasThePragmas()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        await using var db = database.CreateDbContext();

        Assert.Equal(10_000, await db.Database.SqlQuery<int>($"SELECT timeout AS Value FROM pragma_busy_timeout").SingleAsync(TestContext.Current.CancellationToken));
        Assert.Equal(1, await db.Database.SqlQuery<int>($"SELECT synchronous AS Value FROM pragma_synchronous").SingleAsync(TestContext.Current.CancellationToken));
        Assert.Equal(1, await db.Database.SqlQuery<int>($"SELECT foreign_keys AS Value FROM pragma_foreign_keys").SingleAsync(TestContext.Current.CancellationToken));
        Assert.Equal("wal", await db.Database.SqlQuery<string>($"SELECT journal_mode AS Value FROM pragma_journal_mode").SingleAsync(TestContext.Current.CancellationToken));
    }
}
