using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using OpenTelemetry.Exporter;
using OpenTelemetry.Trace;
using Rlhf.Hosting.Telemetry;

namespace Rlhf.Hosting.Tests.Telemetry;

public sealed class TelemetryTests
{
    private const string Token = "0123456789abcdef";

    // A request makes a span and what it calls is below it; a poll of the database, a client span without a parent, begins no trace; nor does a health check.
    [Fact]
    public async Task Spans_OfWorkAreRecorded_OfPollingNot()
    {
        var spans = new List<Activity>();
        await using var app = await StartAsync(spans);
        using var client = new HttpClient { BaseAddress = new Uri(app.Urls.First()) };
        using var database = new ActivitySource("Npgsql");

        database.StartActivity("SELECT", ActivityKind.Client)?.Dispose();
        await client.GetAsync(new Uri("/health/live", UriKind.Relative), TestContext.Current.CancellationToken);
        await client.GetAsync(new Uri("/work", UriKind.Relative), TestContext.Current.CancellationToken);
        await app.StopAsync(TestContext.Current.CancellationToken);
        app.Services.GetRequiredService<TracerProvider>().ForceFlush();

        // Other tests of this process publish messages, whose spans are recorded too.
        var ours = spans.Where(s => s.Source.Name is "Npgsql" or RlhfTelemetry.Name || s.Source.Name.StartsWith("Microsoft.AspNetCore", StringComparison.Ordinal)).ToList();
        var request = Assert.Single(ours, s => s.Kind == ActivityKind.Server);
        var work = Assert.Single(ours, s => s.Source.Name == RlhfTelemetry.Name);
        var query = Assert.Single(ours, s => s.Source.Name == "Npgsql");
        Assert.Equal(request.SpanId, work.ParentSpanId);
        Assert.Equal(work.SpanId, query.ParentSpanId);
        Assert.Equal(request.TraceId, query.TraceId);
    }

    [Fact]
    public async Task Start_StoredContext_ContinuesItsTrace()
    {
        var spans = new List<Activity>();
        await using var app = await StartAsync(spans);

        using var span = RlhfTelemetry.Start("later", ActivityKind.Consumer, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");

        Assert.Equal("0af7651916cd43dd8448eb211c80319c", span!.TraceId.ToString());
        Assert.Equal("b7ad6b7169203331", span.ParentSpanId.ToString());
    }

    [Fact]
    public async Task Metrics_WithoutAToken_AreNotThere()
    {
        await using var app = await StartAsync([]);
        Assert.Equal(HttpStatusCode.NotFound, (await ScrapeAsync(app, Token)).Status);
    }

    [Fact]
    public async Task Metrics_WithTheToken_AreInPrometheusFormat()
    {
        await using var app = await StartAsync([], ("Telemetry:MetricsToken", Token));
        RlhfTelemetry.Meter.CreateCounter<long>("rlhf.test.scrapes").Add(3);

        Assert.Equal(HttpStatusCode.Unauthorized, (await ScrapeAsync(app, null)).Status);
        Assert.Equal(HttpStatusCode.Unauthorized, (await ScrapeAsync(app, "0123456789abcdeX")).Status);
        var (status, text) = await ScrapeAsync(app, Token);

        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Contains("rlhf_test_scrapes_total", text, StringComparison.Ordinal);
        Assert.Contains("dotnet_gc_collections", text, StringComparison.Ordinal);
    }

    [Fact]
    public void MetricsToken_TooShort_IsRefused()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Configuration.AddInMemoryCollection([new("Telemetry:MetricsToken", "short")]);
        var exception = Assert.Throws<OptionsValidationException>(() => builder.AddRlhfDefaults());
        Assert.Contains("at least 16 characters", exception.Message, StringComparison.Ordinal);
    }

    private static async Task<(HttpStatusCode Status, string Text)> ScrapeAsync(WebApplication app, string? token)
    {
        using var client = new HttpClient { BaseAddress = new Uri(app.Urls.First()) };
        client.DefaultRequestHeaders.Authorization = token is null ? null : new AuthenticationHeaderValue("Bearer", token);
        using var response = await client.GetAsync(new Uri("/metrics", UriKind.Relative), TestContext.Current.CancellationToken);
        return (response.StatusCode, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    private static async Task<WebApplication> StartAsync(List<Activity> spans, params (string Key, string Value)[] settings)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Configuration.AddInMemoryCollection(settings.Select(s => new KeyValuePair<string, string?>(s.Key, s.Value)));
        builder.AddRlhfDefaults();
        builder.Services.ConfigureOpenTelemetryTracerProvider(tracing => tracing.AddInMemoryExporter(spans));
        builder.Logging.SetMinimumLevel(LogLevel.None);
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        app.MapRlhfHealth();
        app.MapGet("/work", () =>
        {
            using var work = RlhfTelemetry.Start("work", ActivityKind.Internal, Activity.Current?.Id);
            using var database = new ActivitySource("Npgsql");
            database.StartActivity("SELECT", ActivityKind.Client)?.Dispose();
            return Results.Ok();
        });
        await app.StartAsync(TestContext.Current.CancellationToken);
        return app;
    }
}
