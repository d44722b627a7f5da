using System.Reflection;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore.Migrations;
using Rlhf.Data.Sqlite;

namespace Rlhf.Cli.Backup;

/// <summary>The migrations of a database file.</summary>
internal static class BackupSchema
{
    /// <summary>The newest migration that was applied to a database.</summary>
    public static string Read(SqliteConnection connection)
    {
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT MigrationId FROM __EFMigrationsHistory ORDER BY MigrationId DESC LIMIT 1";
        return (string?)command.ExecuteScalar() ?? throw new UserException($"{connection.DataSource} has no tables of this system.");
    }

    /// <summary>Whether this program knows a migration, and can bring a database that ends with it up to date.</summary>
    public static bool IsKnown(string migration) =>
        typeof(SqliteDatabase).Assembly.GetTypes().Any(type => type.GetCustomAttribute<MigrationAttribute>()?.Id == migration);
}
