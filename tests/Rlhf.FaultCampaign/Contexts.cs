using Microsoft.EntityFrameworkCore;
using Rlhf.Data;
using Rlhf.Data.Postgres;

namespace Rlhf.FaultCampaign;

/// <summary>The campaign's own way to the database, past the network it cuts and under a name of its own.</summary>
internal sealed class Contexts(string connectionString) : IDbContextFactory<AppDbContext>
{
    private readonly DbContextOptions<AppDbContext> _options = Options(connectionString);

    public AppDbContext CreateDbContext() => new(_options);

    private static DbContextOptions<AppDbContext> Options(string connectionString)
    {
        var builder = new DbContextOptionsBuilder<AppDbContext>();

        // The database is killed under it: what waits in a pool then is dead.
        builder.UseRlhfPostgres(connectionString + ";Application Name=campaign;Pooling=false").UseIdentityModel();
        return builder.Options;
    }
}
