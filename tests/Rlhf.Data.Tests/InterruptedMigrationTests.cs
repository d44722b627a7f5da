using System.Data.Common;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Rlhf.Data.Sqlite;
using Rlhf.TestServers;

namespace Rlhf.Data.Tests;

public sealed class InterruptedMigrationTests
{
    [Fact]
    public async Task Migrate_AfterAProcessWasKilledAtAnyCommand_GoesOnWithTheData()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite", migrate: false);
        await using var old = database.CreateDbContext();
        await Release.CreateAsync(old, Release.Oldest(old), "sqlite");
        var columns = await Release.ColumnsAsync(old);
        var rows = await Release.RowsAsync(old, columns);

        // What a killed process leaves is what is on the disk at that moment.
        var directory = Directory.CreateTempSubdirectory("rlhf-killed-").FullName;
        try
        {
            var snapshots = new Snapshots(new SqliteConnectionStringBuilder(database.ConnectionString).DataSource, directory);
            await using (var db = Context(database.ConnectionString, snapshots))
            {
                await db.Database.MigrateAsync(TestContext.Current.CancellationToken);
            }

            Assert.InRange(snapshots.Count, 2, 100);
            for (var i = 0; i < snapshots.Count; i++)
            {
                await using var db = Context($"Data Source={snapshots.FileOf(i)};Pooling=False");
                await SqliteDatabase.ClearStaleMigrationLockAsync(db, TestContext.Current.CancellationToken);
                await db.Database.MigrateAsync(TestContext.Current.CancellationToken);
                Assert.Equal(rows, await Release.RowsAsync(db, columns));
            }
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static AppDbContext Context(string connectionString, params IInterceptor[] interceptors)
    {
        var builder = new DbContextOptionsBuilder<AppDbContext>().UseRlhfSqlite(connectionString).AddInterceptors(interceptors).UseIdentityModel();
        return new AppDbContext((DbContextOptions<AppDbContext>)builder.Options);
    }

    /// <summary>Copies the database and its write-ahead log around every command and commit, where they have changed.</summary>
    private sealed class Snapshots(string database, string directory) : DbCommandInterceptor, IDbTransactionInterceptor
    {
        private byte[] _last = [];

        public int Count { get; private set; }

        public string FileOf(int index) => Path.Combine(directory, $"{index}.db");

        public override ValueTask<InterceptionResult<int>> NonQueryExecutingAsync(
            DbCommand command, CommandEventData eventData, InterceptionResult<int> result, CancellationToken cancellationToken = default)
        {
            Take();
            return new(result);
        }

        public override ValueTask<int> NonQueryExecutedAsync(DbCommand command, CommandExecutedEventData eventData, int result, CancellationToken cancellationToken = default)
        {
            Take();
            return new(result);
        }

        public Task TransactionCommittedAsync(DbTransaction transaction, TransactionEndEventData eventData, CancellationToken cancellationToken = default)
        {
            Take();
            return Task.CompletedTask;
        }

        private void Take()
        {
            byte[] log = File.Exists(database + "-wal") ? Read(database + "-wal") : [];
            byte[] now = [.. Read(database), .. log];
            if (!now.AsSpan().SequenceEqual(_last))
            {
                _last = now;
                File.WriteAllBytes(FileOf(Count), now.AsSpan(0, now.Length - log.Length));
                File.WriteAllBytes(FileOf(Count) + "-wal", log);
                Count++;
            }
        }

        // Shared with SQLite, which has them open.
        private static byte[] Read(string file)
        {
            using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            var bytes = new byte[stream.Length];
            stream.ReadExactly(bytes);
            return bytes;
        }
    }
}
