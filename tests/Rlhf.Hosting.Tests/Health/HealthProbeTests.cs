using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;

namespace Rlhf.Hosting.Tests.Health;

public sealed class HealthProbeTests
{
    [Theory]
    [InlineData(null, null, "http://127.0.0.1:5000/health/ready")]
    [InlineData(null, "8080", "http://127.0.0.1:8080/health/ready")]
    [InlineData(null, "8080;8081", "http://127.0.0.1:8080/health/ready")]
    [InlineData("http://+:5080", "8080", "http://127.0.0.1:5080/health/ready")]
    [InlineData("http://[::]:7000/;http://0.0.0.0:7001", null, "http://127.0.0.1:7000/health/ready")]
    public void Address_OfWhatTheServiceListensOn_IsOnThisMachine(string? urls, string? ports, string expected)
    {
        var environment = new ConfigurationBuilder().AddInMemoryCollection([new("URLS", urls), new("HTTP_PORTS", ports)]).Build();
        Assert.Equal(expected, HealthProbe.Address(environment).ToString());
    }

    [Theory]
    [InlineData(StatusCodes.Status200OK, 0)]
    [InlineData(StatusCodes.Status503ServiceUnavailable, 1)]
    public async Task Probe_OfAService_ExitsAsItAnswers(int status, int expected)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.SetMinimumLevel(LogLevel.None);
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        await using var app = builder.Build();
        app.MapGet("/health/ready", () => Results.Text("the answer", statusCode: status));
        await app.StartAsync(TestContext.Current.CancellationToken);
        using var output = new StringWriter();

        Assert.Equal(expected, await HealthProbe.RunAsync(new Uri($"{app.Urls.First()}/health/ready"), output));

        Assert.Equal("the answer", output.ToString().Trim());
    }

    [Fact]
    public async Task Probe_NobodyListens_FailsAndNamesTheAddress()
    {
        using var output = new StringWriter();
        Assert.Equal(1, await HealthProbe.RunAsync(new Uri("http://127.0.0.1:1/health/ready"), output));
        Assert.Contains("http://127.0.0.1:1/health/ready", output.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true, "healthcheck")]
    [InlineData(false)]
    [InlineData(false, "--urls=http://+:1", "healthcheck")]
    public void Requested_ByTheFirstWordOnly(bool expected, params string[] args) => Assert.Equal(expected, HealthProbe.IsRequested(args));
}
