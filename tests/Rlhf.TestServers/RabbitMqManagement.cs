using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;

namespace Rlhf.TestServers;

/// <summary>The broker's HTTP API (plugin rabbitmq_management): https://www.rabbitmq.com/docs/management#http-api.</summary>
internal sealed class RabbitMqManagement : IDisposable
{
    private readonly HttpClient _client;

    public RabbitMqManagement(Uri address, string user, string password)
    {
        _client = new HttpClient { BaseAddress = new Uri(address, "/api/"), Timeout = TimeSpan.FromSeconds(30) };
        _client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{password}")));
    }

    public Task<JsonElement> GetAsync(string path) => _client.GetFromJsonAsync<JsonElement>(new Uri(path, UriKind.Relative));

    public async Task PutAsync(string path, object body)
    {
        // The broker does not take chunked bodies.
        using var content = new StringContent(JsonSerializer.Serialize(body), Encoding.UTF8, "application/json");
        using var response = await _client.PutAsync(new Uri(path, UriKind.Relative), content);
        response.EnsureSuccessStatusCode();
    }

    public async Task DeleteAsync(string path)
    {
        using var response = await _client.DeleteAsync(new Uri(path, UriKind.Relative));
        response.EnsureSuccessStatusCode();
    }

    public void Dispose() => _client.Dispose();
}
