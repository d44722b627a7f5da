using System.Diagnostics;
using Npgsql;

namespace LoadBench;

/// <summary>What the same machine does when the labeling path is taken away.</summary>
internal static class Baselines
{
    /// <summary>Requests a second to an address of the same server that does nothing, from as many clients.</summary>
    public static Task<double> EchoAsync(Uri site, int clients, TimeSpan length)
    {
        var address = new Uri(site, "/health/live");
        return RateAsync(clients, length, () =>
        {
            var http = new HttpClient();
            return Task.FromResult<(Func<Task>, IAsyncDisposable?)>((async () => (await http.GetAsync(address)).Dispose(), null));
        });
    }

    /// <summary>Transactions a second of one inserted row each, durable, over so many connections.</summary>
    public static async Task<double> CommitsAsync(string connectionString, int connections, TimeSpan length)
    {
        await using (var connection = new NpgsqlConnection(connectionString))
        {
            await connection.OpenAsync();
            await using var create = new NpgsqlCommand("CREATE TABLE IF NOT EXISTS bench_commits (id bigserial PRIMARY KEY, text text NOT NULL)", connection);
            await create.ExecuteNonQueryAsync();
        }

        return await RateAsync(connections, length, async () =>
        {
            var connection = new NpgsqlConnection(connectionString);
            await connection.OpenAsync();
            var insert = new NpgsqlCommand("INSERT INTO bench_commits (text) VALUES ('one row')", connection);
            return (insert.ExecuteNonQueryAsync, connection);
        });
    }

    private static async Task<double> RateAsync(int workers, TimeSpan length, Func<Task<(Func<Task> Once, IAsyncDisposable? Owner)>> prepare)
    {
        var prepared = await Task.WhenAll(Enumerable.Range(0, workers).Select(_ => prepare()));
        var begun = Stopwatch.GetTimestamp();
        var done = await Task.WhenAll(prepared.Select(worker => Task.Run(async () =>
        {
            var count = 0;
            for (; Stopwatch.GetElapsedTime(begun) < length; count++)
            {
                await worker.Once();
            }

            return count;
        })));
        var rate = done.Sum() / Stopwatch.GetElapsedTime(begun).TotalSeconds;
        foreach (var (_, owner) in prepared)
        {
            if (owner is not null)
            {
                await owner.DisposeAsync();
            }
        }

        return rate;
    }
}
