using Rlhf.Data;

namespace Rlhf.Hosting;

internal static class ProviderExtensions
{
    public static bool IsSqlite(this AppDbContext db) => db.Database.ProviderName!.EndsWith("Sqlite", StringComparison.Ordinal);
}
