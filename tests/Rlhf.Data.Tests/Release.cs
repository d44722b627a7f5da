using System.Data.Common;
using System.Globalization;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Rlhf.Data.Tests;

/// <summary>A schema version and the data it comes with: Releases/MIGRATION.PROVIDER.sql, which has a row of every table and is never changed after its release.</summary>
internal static class Release
{
    private static readonly string s_folder = Path.Combine(AppContext.BaseDirectory, "Releases");

    /// <summary>Names of the migrations that have data.</summary>
    public static IReadOnlyList<string> Names { get; } =
        [.. Directory.GetFiles(s_folder, "*.sql").Select(file => Path.GetFileName(file).Split('.')[0]).Distinct().Order(StringComparer.Ordinal)];

    /// <summary>The oldest one.</summary>
    public static string Oldest(AppDbContext db) => NameOf(db.Database.GetMigrations().First());

    /// <summary>"Initial" of "20261123130704_Initial".</summary>
    public static string NameOf(string migrationId) => migrationId.Split('_', 2)[1];

    /// <summary>The file of a migration.</summary>
    public static string FileOf(string name, string provider) => Path.Combine(s_folder, $"{name}.{provider}.sql");

    /// <summary>Makes an empty database one of that version, with data in it.</summary>
    public static async Task CreateAsync(AppDbContext db, string name, string provider)
    {
        await db.GetService<IMigrator>().MigrateAsync(name, TestContext.Current.CancellationToken);
        await ExecuteAsync(db, await File.ReadAllTextAsync(FileOf(name, provider), TestContext.Current.CancellationToken));
    }

    /// <summary>Columns of every table, in the order of their names.</summary>
    public static async Task<SortedDictionary<string, string[]>> ColumnsAsync(AppDbContext db)
    {
        var sql = db.Database.ProviderName!.EndsWith("Sqlite", StringComparison.Ordinal)
            ? "SELECT t.name, c.name FROM sqlite_master AS t, pragma_table_info(t.name) AS c WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%'"
            : "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'";
        var columns = await QueryAsync(db, sql);
        return new SortedDictionary<string, string[]>(
            columns.Where(row => !row[0].StartsWith("__EF", StringComparison.Ordinal)).GroupBy(row => row[0], row => row[1]).ToDictionary(g => g.Key, g => g.Order(StringComparer.Ordinal).ToArray()),
            StringComparer.Ordinal);
    }

    /// <summary>What those columns hold: "table: value|value|…", sorted.</summary>
    public static async Task<string[]> RowsAsync(AppDbContext db, SortedDictionary<string, string[]> columns)
    {
        List<string> rows = [];
        foreach (var (table, names) in columns)
        {
            var selected = await QueryAsync(db, $"SELECT {string.Join(", ", names.Select(n => $"\"{n}\""))} FROM \"{table}\"");
            rows.AddRange(selected.Select(row => $"{table}: {string.Join('|', row)}"));
        }

        return [.. rows.Order(StringComparer.Ordinal)];
    }

    /// <summary>Runs statements as they are.</summary>
    public static async Task ExecuteAsync(AppDbContext db, string sql)
    {
        await using var command = await CommandAsync(db, sql);
        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>The rows of a query, as text.</summary>
    public static async Task<List<string[]>> QueryAsync(AppDbContext db, string sql)
    {
        await using var command = await CommandAsync(db, sql);
        await using var reader = await command.ExecuteReaderAsync(TestContext.Current.CancellationToken);
        List<string[]> rows = [];
        while (await reader.ReadAsync(TestContext.Current.CancellationToken))
        {
            var values = new object[reader.FieldCount];
            reader.GetValues(values);
            rows.Add(Array.ConvertAll(values, value => value is DBNull ? "NULL" : Convert.ToString(value, CultureInfo.InvariantCulture)!));
        }

        return rows;
    }

    private static async Task<DbCommand> CommandAsync(AppDbContext db, string sql)
    {
        await db.Database.OpenConnectionAsync(TestContext.Current.CancellationToken);
        var command = db.Database.GetDbConnection().CreateCommand();
#pragma warning disable CA2100 // Files and names of the tests.
        command.CommandText = sql;
#pragma warning restore CA2100
        return command;
    }
}
