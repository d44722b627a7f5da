using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Design;
using Rlhf.Data;
using Rlhf.Data.Postgres;
using Rlhf.Data.Sqlite;

namespace Rlhf.Migrations;

/// <summary>Makes the context the migration tool reads the model from; the tool passes the provider after "--".</summary>
internal sealed class DesignTimeFactory : IDesignTimeDbContextFactory<AppDbContext>
{
    public AppDbContext CreateDbContext(string[] args)
    {
        var builder = new DbContextOptionsBuilder<AppDbContext>();
        _ = args switch
        {
            ["sqlite"] => builder.UseRlhfSqlite("Data Source=:memory:"),
            ["postgres"] => builder.UseRlhfPostgres("Host=localhost"),
            _ => throw new ArgumentException($"Provider '{string.Join(' ', args)}' is unknown; legal values: sqlite, postgres."),
        };
        builder.UseIdentityModel();
        return new AppDbContext(builder.Options);
    }

    private static void Main() => Console.Error.WriteLine("Run tools/Rlhf.Migrations/ef.sh NAME to add a migration for both databases.");
}
