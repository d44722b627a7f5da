using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Rlhf.Numerics;

namespace LoadBench;

/// <summary>Annotators over the HTTP API: submit, get the next comparison, think, submit.</summary>
/// <param name="site">Where the site is.</param>
/// <param name="keys">An API key of each.</param>
/// <param name="think">
/// How long a comparison is looked at on average; each time is uniform between half and one and a half of it. Zero: everybody judges as fast as they are
/// served, so that the server is the limit, and the time from submit to next is that of the queue before it.
/// </param>
internal sealed class Annotators(Uri site, IReadOnlyList<string> keys, TimeSpan think)
{
    private int _errors, _stored, _nothing;

    /// <summary>Milliseconds from sending a judgment until the next comparison is there.</summary>
    public ConcurrentQueue<double> SubmitToNext { get; } = new();

    /// <summary>Answers other than a stored judgment, a comparison, or "none now".</summary>
    public int Errors => _errors;

    /// <summary>What the errors said, up to ten.</summary>
    public ConcurrentQueue<string> Messages { get; } = new();

    /// <summary>Judgments acknowledged.</summary>
    public int Stored => _stored;

    /// <summary>How often there was no comparison, although thousands are open.</summary>
    public int Nothing => _nothing;

    /// <summary>All at once, until stopped.</summary>
    public Task RunAsync(CancellationToken stop) => Task.WhenAll(keys.Select((key, i) => Task.Run(() => LabelAsync(key, new Philox((ulong)i), stop), CancellationToken.None)));

    private async Task LabelAsync(string key, Philox random, CancellationToken stop)
    {
        using var http = new HttpClient { BaseAddress = new Uri(site, $"/api/v1/projects/{LoadProject.Slug}/"), Timeout = TimeSpan.FromSeconds(60) };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);

        // Nobody begins in the same instant.
        await ThinkAsync(think * random.NextDouble(), stop);
        JsonElement? task = null;
        while (!stop.IsCancellationRequested)
        {
            try
            {
                var begun = Stopwatch.GetTimestamp();
                var isSubmitted = task is { } shown && await SubmitAsync(http, shown);
                task = await NextAsync(http);
                if (isSubmitted && task is not null)
                {
                    SubmitToNext.Enqueue(Stopwatch.GetElapsedTime(begun).TotalMilliseconds);
                }
            }
            catch (Exception exception) when (exception is HttpRequestException or TaskCanceledException)
            {
                task = null;
                Fail(exception.Message);
            }

            await ThinkAsync(think * (0.5 + random.NextDouble()), stop);
        }
    }

    private async Task<bool> SubmitAsync(HttpClient http, JsonElement task)
    {
        var body = new { leaseToken = task.GetProperty("leaseToken").GetGuid(), choice = "a", durationMs = 1000 };
        using var answer = await http.PostAsJsonAsync(new Uri("judgments", UriKind.Relative), body, CancellationToken.None);
        if (answer.StatusCode != HttpStatusCode.Created)
        {
            Fail($"{(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync(CancellationToken.None)}");
            return false;
        }

        Interlocked.Increment(ref _stored);
        return true;
    }

    private async Task<JsonElement?> NextAsync(HttpClient http)
    {
        using var next = await http.GetAsync(new Uri("tasks/next", UriKind.Relative), CancellationToken.None);
        switch (next.StatusCode)
        {
            case HttpStatusCode.OK:
                return await next.Content.ReadFromJsonAsync<JsonElement>(CancellationToken.None);
            case HttpStatusCode.NoContent:
                Interlocked.Increment(ref _nothing);
                await Task.Delay(50, CancellationToken.None);
                return null;
            default:
                Fail($"{(int)next.StatusCode} {await next.Content.ReadAsStringAsync(CancellationToken.None)}");
                return null;
        }
    }

    private static async Task ThinkAsync(TimeSpan time, CancellationToken stop) => await Task.Delay(time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    private void Fail(string message)
    {
        Interlocked.Increment(ref _errors);
        if (Messages.Count < 10)
        {
            Messages.Enqueue(message);
        }
    }
}
