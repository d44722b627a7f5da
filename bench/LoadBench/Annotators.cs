using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;

namespace LoadBench;

/// <summary>Annotators over the HTTP API who judge as fast as they are served: no time to think, so that the server is the limit.</summary>
internal sealed class Annotators(Uri site, IReadOnlyList<string> keys)
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
    public Task RunAsync(CancellationToken stop) => Task.WhenAll(keys.Select(key => Task.Run(() => LabelAsync(key, stop), CancellationToken.None)));

    private async Task LabelAsync(string key, CancellationToken stop)
    {
        using var http = new HttpClient { BaseAddress = new Uri(site, $"/api/v1/projects/{LoadProject.Slug}/"), Timeout = TimeSpan.FromSeconds(60) };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        JsonElement? task = null;
        while (!stop.IsCancellationRequested)
        {
            var begun = Stopwatch.GetTimestamp();
            try
            {
                var isSubmitted = task is not null;
                if (task is { } shown)
                {
                    var body = new { leaseToken = shown.GetProperty("leaseToken").GetGuid(), choice = "a", durationMs = 1000 };
                    using var answer = await http.PostAsJsonAsync(new Uri("judgments", UriKind.Relative), body, CancellationToken.None);
                    task = null;
                    if (answer.StatusCode != HttpStatusCode.Created)
                    {
                        Fail($"{(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync(CancellationToken.None)}");
                        continue;
                    }

                    Interlocked.Increment(ref _stored);
                }

                using var next = await http.GetAsync(new Uri("tasks/next", UriKind.Relative), CancellationToken.None);
                if (next.StatusCode == HttpStatusCode.OK)
                {
                    task = await next.Content.ReadFromJsonAsync<JsonElement>(CancellationToken.None);
                    if (isSubmitted)
                    {
                        SubmitToNext.Enqueue(Stopwatch.GetElapsedTime(begun).TotalMilliseconds);
                    }
                }
                else if (next.StatusCode == HttpStatusCode.NoContent)
                {
                    Interlocked.Increment(ref _nothing);
                    await Task.Delay(50, CancellationToken.None);
                }
                else
                {
                    Fail($"{(int)next.StatusCode} {await next.Content.ReadAsStringAsync(CancellationToken.None)}");
                }
            }
            catch (Exception exception) when (exception is HttpRequestException or TaskCanceledException)
            {
                Fail(exception.Message);
            }
        }
    }

    private void Fail(string message)
    {
        Interlocked.Increment(ref _errors);
        if (Messages.Count < 10)
        {
            Messages.Enqueue(message);
        }
    }
}
