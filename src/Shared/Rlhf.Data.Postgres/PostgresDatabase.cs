using Microsoft.EntityFrameworkCore;

namespace Rlhf.Data.Postgres;

/// <summary>PostgreSQL as the database several processes share.</summary>
public static class PostgresDatabase
{
    /// <summary>
    /// Uses PostgreSQL with this assembly's migrations. Failed commands are not repeated here: transactions are explicit,
    /// and whoever owns one (the dispatcher, the bus, the worker) repeats it as a whole.
    /// </summary>
    /// <param name="builder">The options of an <see cref="AppDbContext"/>.</param>
    /// <param name="connectionString">For example "Host=db;Database=rlhf;Username=rlhf;Password=…".</param>
    public static DbContextOptionsBuilder UseRlhfPostgres(this DbContextOptionsBuilder builder, string connectionString) =>
        builder.UseNpgsql(connectionString, postgres => postgres.MigrationsAssembly(typeof(PostgresDatabase).Assembly.GetName().Name));
}
