using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Rlhf.Contracts.Labeling;

namespace Rlhf.FaultCampaign;

/// <summary>
/// A simulated annotator over the HTTP API. A request whose answer did not arrive is repeated until one arrives; the choice depends on nothing
/// but the texts, so whoever judges a comparison judges it alike.
/// </summary>
internal sealed class Annotator(Uri site, string key, string slug, Ledger ledger, ulong seed) : IDisposable
{
    private readonly HttpClient _http = new()
    {
        BaseAddress = new Uri(site, $"/api/v1/projects/{slug}/"),
        Timeout = TimeSpan.FromSeconds(10),
        DefaultRequestHeaders = { Authorization = new AuthenticationHeaderValue("Bearer", key) },
    };

    /// <summary>Judges until it is stopped. What it holds then is submitted first.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                using var response = await _http.GetAsync(new Uri("tasks/next", UriKind.Relative), stop);
                if (response.StatusCode == HttpStatusCode.OK)
                {
                    await SubmitAsync(await response.Content.ReadFromJsonAsync<JsonElement>(stop));
                }
                else
                {
                    await Task.Delay(100, stop);
                }
            }
            catch (Exception exception) when (IsAway(exception))
            {
                await Task.Delay(200, CancellationToken.None);
            }
        }
    }

    /// <summary>The choice for these texts: a or b, now and then a tie.</summary>
    public static string Choose(string prompt, string a, string b, ulong seed)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes($"{seed}\0{prompt}\0{a}\0{b}"));
        return hash[0] < 16 ? Choices.Tie : hash[1] % 2 == 0 ? Choices.A : Choices.B;
    }

    public void Dispose() => _http.Dispose();

    private async Task SubmitAsync(JsonElement task)
    {
        var texts = task.GetProperty("completions").EnumerateArray().ToDictionary(c => c.GetProperty("choice").GetString()!, c => c.GetProperty("text").GetString()!);
        var choice = Choose(task.GetProperty("prompt").GetString()!, texts[Choices.A], texts[Choices.B], seed);
        var leaseToken = task.GetProperty("leaseToken").GetGuid();
        while (true)
        {
            ledger.Sending(leaseToken, choice);
            try
            {
                using var response = await _http.PostAsJsonAsync(new Uri("judgments", UriKind.Relative), new { leaseToken, choice, durationMs = 1 });
                if (response.IsSuccessStatusCode)
                {
                    var judgment = (await response.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("judgmentId").GetGuid();
                    ledger.Stored(leaseToken, judgment, response.StatusCode == HttpStatusCode.OK);
                    return;
                }

                if ((int)response.StatusCode < 500)
                {
                    ledger.Refuse(leaseToken, $"{(int)response.StatusCode} {await response.Content.ReadAsStringAsync()}");
                    return;
                }
            }
            catch (Exception exception) when (IsAway(exception))
            {
                // Stored or not: the same request again finds out.
            }

            await Task.Delay(200);
        }
    }

    private static bool IsAway(Exception exception) => exception is HttpRequestException or TaskCanceledException or IOException or JsonException;
}
