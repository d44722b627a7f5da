using System.Text.Json;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;
using Microsoft.Extensions.Options;

namespace Rlhf.Hosting.Tests.Telemetry;

public sealed class LogFormatTests
{
    [Theory]
    [InlineData(null, "simple")]
    [InlineData("simple", "simple")]
    [InlineData("json", "json")]
    public void Format_Chosen_IsTheConsoles(string? format, string formatter)
    {
        using var host = Build(format);
        Assert.Equal(formatter, host.Services.GetRequiredService<IOptions<ConsoleLoggerOptions>>().Value.FormatterName);
    }

    [Fact]
    public void Json_ALineInAScope_IsOneObjectWithTimeAndIds()
    {
        using var host = Build("json");
        var formatter = host.Services.GetServices<ConsoleFormatter>().Single(f => f.Name == "json");
        var scopes = new LoggerExternalScopeProvider();
        using var scope = scopes.Push(new Dictionary<string, object> { ["RunId"] = "7", ["TraceId"] = "0af7" });
        using var output = new StringWriter();

        formatter.Write(new LogEntry<string>(LogLevel.Warning, "category", 1, "two\nlines", null, (state, _) => state), scopes, output);

        var line = Assert.Single(output.ToString().TrimEnd().Split('\n'));
        using var json = JsonDocument.Parse(line);
        Assert.Equal("two\nlines", json.RootElement.GetProperty("Message").GetString());
        Assert.EndsWith("Z", json.RootElement.GetProperty("Timestamp").GetString(), StringComparison.Ordinal);
        var ids = json.RootElement.GetProperty("Scopes")[0];
        Assert.Equal("7", ids.GetProperty("RunId").GetString());
        Assert.Equal("0af7", ids.GetProperty("TraceId").GetString());
    }

    [Fact]
    public void Format_Unknown_IsRefusedWithTheLegalValues()
    {
        var exception = Assert.Throws<OptionsValidationException>(() => Build("xml"));
        Assert.Equal("Logging:Format is 'xml'; legal values: simple, json.", exception.Message);
    }

    private static IHost Build(string? format)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection([new("Logging:Format", format)]);
        return builder.AddRlhfDefaults().Build();
    }
}
