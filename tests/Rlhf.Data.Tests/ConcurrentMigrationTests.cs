using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging.Abstractions;
using Rlhf.Hosting;
using Rlhf.TestServers;

namespace Rlhf.Data.Tests;

/// <summary>Services that start at the same time all migrate the database they share.</summary>
public sealed class ConcurrentMigrationTests
{
    [Theory]
    [InlineData("absent")]
    [InlineData("empty")]
    [InlineData("old")]
    public async Task Migrate_FourServicesAtOnce_EveryOneFindsTheNewestSchema(string state)
    {
        await using var database = await TestDatabase.CreateAsync("postgres", migrate: false);
        SortedDictionary<string, string[]> columns = [];
        string[] rows = [];
        await using (var before = database.CreateDbContext())
        {
            if (state == "absent")
            {
                await before.Database.EnsureDeletedAsync(TestContext.Current.CancellationToken);
            }
            else if (state == "old")
            {
                await Release.CreateAsync(before, Release.Oldest(before), "postgres");
                columns = await Release.ColumnsAsync(before);
                rows = await Release.RowsAsync(before, columns);
            }
        }

        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
        {
            await new DatabaseMigrator(database, TimeProvider.System, NullLogger<DatabaseMigrator>.Instance).MigrateAsync(TestContext.Current.CancellationToken);
            await using var db = database.CreateDbContext();
            Assert.Empty(await db.Database.GetPendingMigrationsAsync(TestContext.Current.CancellationToken));
        })));

        await using var after = database.CreateDbContext();
        Assert.Equal(rows, await Release.RowsAsync(after, columns));
        Assert.Equal(state == "old", await after.Projects.AnyAsync(TestContext.Current.CancellationToken));
    }
}
