using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Metadata;
using Microsoft.EntityFrameworkCore.Migrations;
using Rlhf.Contracts.Training;
using Rlhf.Data.Entities;
using Rlhf.TestServers;

namespace Rlhf.Data.Tests;

public sealed class UpgradeTests
{
    public static TheoryData<string> Providers => TestDatabase.Providers;

    public static TheoryData<string, string> Releases
    {
        get
        {
            var releases = new TheoryData<string, string>();
            foreach (var name in Release.Names)
            {
                releases.Add(name, "sqlite");
                releases.Add(name, "postgres");
            }

            return releases;
        }
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public async Task Releases_EveryMigration_HasItsData(string provider)
    {
        await using var database = await TestDatabase.CreateAsync(provider, migrate: false);
        await using var db = database.CreateDbContext();
        var names = db.Database.GetMigrations().Select(Release.NameOf).ToArray();

        Assert.NotEmpty(names);
        Assert.All(names, name => Assert.True(File.Exists(Release.FileOf(name, provider)), $"tests/Rlhf.Data.Tests/Releases/{name}.{provider}.sql is missing: a row of every table of that version"));
        Assert.Empty(Release.Names.Except(names));
    }

    [Theory]
    [MemberData(nameof(Releases))]
    public async Task Migrate_FromARelease_KeepsItsData(string release, string provider)
    {
        await using var database = await TestDatabase.CreateAsync(provider, migrate: false);
        await using var old = database.CreateDbContext();
        await Release.CreateAsync(old, release, provider);
        var columns = await Release.ColumnsAsync(old);
        var rows = await Release.RowsAsync(old, columns);
        Assert.All(columns.Keys, table => Assert.True(rows.Any(row => row.StartsWith($"{table}: ", StringComparison.Ordinal)), $"{release}.{provider}.sql has no row of {table}"));

        await using var db = database.CreateDbContext();
        await db.Database.MigrateAsync(TestContext.Current.CancellationToken);

        Assert.Equal(rows, await Release.RowsAsync(db, columns));
        await AssertReadableAsync(db, columns.Keys);
        await AssertWritableAsync(db);
        if (provider == "sqlite")
        {
            Assert.Empty(await Release.QueryAsync(db, "PRAGMA foreign_key_check"));
            Assert.Equal("ok", (await Release.QueryAsync(db, "PRAGMA integrity_check"))[0][0]);
        }
    }

    [Fact]
    public async Task Sqlite_EveryMigration_IsOneTransaction()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite", migrate: false);
        await using var db = database.CreateDbContext();
        var before = Migration.InitialDatabase;

        // Changes outside it (SQLite switches foreign keys between transactions only, EF does so to rebuild a table) split it: a killed process leaves half of it.
        foreach (var id in db.Database.GetMigrations())
        {
            var script = db.GetService<IMigrator>().GenerateScript(before, id);
            Assert.True(script.Split("BEGIN TRANSACTION;").Length == 2 && !script.Contains("PRAGMA", StringComparison.Ordinal), $"{id} is not one transaction:\n{script}");
            before = id;
        }
    }

    [Fact]
    public async Task Sqlite_EveryForeignKeyOfTheModel_IsInTheDatabase()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        await using var db = database.CreateDbContext();
        var expected = db.GetService<IDesignTimeModel>().Model.GetRelationalModel().Tables
            .SelectMany(table => table.ForeignKeyConstraints)
            .Select(key => $"{key.Table.Name}.{key.Columns.Single().Name} {key.PrincipalTable.Name}.{key.PrincipalColumns.Single().Name} {ActionOf(key.OnDeleteAction)}");

        var actual = await Release.QueryAsync(
            db, "SELECT t.name || '.' || k.\"from\" || ' ' || k.\"table\" || '.' || k.\"to\" || ' ' || k.on_delete FROM sqlite_master AS t, pragma_foreign_key_list(t.name) AS k WHERE t.type = 'table'");

        Assert.Equal(expected.Order(StringComparer.Ordinal), actual.Select(row => row[0]).Order(StringComparer.Ordinal));
    }

    private static string ActionOf(ReferentialAction action) => action switch
    {
        ReferentialAction.Cascade => "CASCADE",
        ReferentialAction.Restrict => "RESTRICT",
        ReferentialAction.SetNull => "SET NULL",
        _ => "NO ACTION",
    };

    // Every converter understands what older versions wrote.
    private static async Task AssertReadableAsync(AppDbContext db, IEnumerable<string> tables)
    {
        foreach (var entity in db.Model.GetEntityTypes().Where(e => tables.Contains(e.GetTableName())))
        {
            var read = typeof(UpgradeTests).GetMethod(nameof(CountAsync), System.Reflection.BindingFlags.NonPublic | System.Reflection.BindingFlags.Static)!.MakeGenericMethod(entity.ClrType);
            Assert.NotEqual(0, await (Task<int>)read.Invoke(null, [db])!);
        }
    }

    private static async Task<int> CountAsync<T>(AppDbContext db)
        where T : class => (await db.Set<T>().AsNoTracking().ToListAsync(TestContext.Current.CancellationToken)).Count;

    // Rows go on from where they were: keys made by the database and unique indexes do not get in the way.
    private static async Task AssertWritableAsync(AppDbContext db)
    {
        var project = await db.Projects.SingleAsync(TestContext.Current.CancellationToken);
        var last = await db.Outbox.MaxAsync(m => m.Id, TestContext.Current.CancellationToken);
        project.Guidelines += " And be kind.";
        db.Runs.Add(new Run { ProjectId = project.Id, Kind = RunKinds.Ppo, CommandId = Guid.NewGuid(), CreatedAt = DateTimeOffset.UtcNow });
        OutboxWriter.Add(db, new CancelRun { RunId = Guid.NewGuid() });
        await db.SaveChangesAsync(TestContext.Current.CancellationToken);
        Assert.True(await db.Outbox.MaxAsync(m => m.Id, TestContext.Current.CancellationToken) > last);
    }
}
