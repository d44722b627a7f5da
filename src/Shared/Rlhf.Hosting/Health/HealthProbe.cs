using Microsoft.Extensions.Configuration;

namespace Rlhf.Hosting;

/// <summary>
/// <c>dotnet SERVICE.dll healthcheck</c>: asks the service that runs beside it in the same container, whose image has no curl.
/// </summary>
public static class HealthProbe
{
    private const string Command = "healthcheck";
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(10);

    /// <summary>Whether the command line asks for the probe instead of the service.</summary>
    public static bool IsRequested(string[] args) => args is [Command, ..];

    /// <summary>Asks <c>/health/ready</c> on this machine, where the environment (ASPNETCORE_URLS, ASPNETCORE_HTTP_PORTS) says the service listens.</summary>
    /// <returns>Exit code: 0 if it is ready, 1 otherwise; the answer goes to standard output, where the container engine keeps it.</returns>
    public static Task<int> RunAsync() => RunAsync(Address(new ConfigurationBuilder().AddEnvironmentVariables("ASPNETCORE_").Build()), Console.Out);

    internal static async Task<int> RunAsync(Uri address, TextWriter output)
    {
        using var client = new HttpClient { Timeout = s_timeout };
        try
        {
            using var response = await client.GetAsync(address);
            await output.WriteLineAsync(await response.Content.ReadAsStringAsync());
            return response.IsSuccessStatusCode ? 0 : 1;
        }
        catch (Exception exception) when (exception is HttpRequestException or TaskCanceledException)
        {
            await output.WriteLineAsync($"{address}: {exception.Message}");
            return 1;
        }
    }

    // "http://+:8080" and "http://0.0.0.0:8080" are places to listen, not to ask.
    internal static Uri Address(IConfiguration environment)
    {
        var url = environment["URLS"]?.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).FirstOrDefault();
        var port = url is null
            ? environment["HTTP_PORTS"]?.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).FirstOrDefault() ?? "5000"
            : url[(url.LastIndexOf(':') + 1)..].TrimEnd('/');
        return new Uri($"http://127.0.0.1:{port}{HealthEndpoints.ReadyPath}");
    }
}
