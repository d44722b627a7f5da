using Testcontainers.PostgreSql;

namespace Rlhf.TestServers.Containers;

/// <summary>PostgreSQL from the image of docker-compose.yml; Testcontainers removes it when this process is gone.</summary>
internal static class PostgresContainer
{
    public static async Task<string> StartAsync()
    {
        var container = new PostgreSqlBuilder("postgres:17").Build();
        await container.StartAsync();
        return container.GetConnectionString();
    }
}
