using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Rlhf.Hosting.Telemetry;

/// <summary>Key "Logging:Format": lines for a person, or one JSON object a line for a log collector.</summary>
internal static class LogFormat
{
    public const string Key = "Logging:Format";
    public const string Simple = "simple";
    public const string Json = "json";

    public static void AddRlhfLogging(this IHostApplicationBuilder builder)
    {
        switch (builder.Configuration[Key] ?? Simple)
        {
            case Simple:
                builder.Logging.AddSimpleConsole(console =>
                {
                    console.SingleLine = true;
                    console.UseUtcTimestamp = true;
                    console.TimestampFormat = "yyyy-MM-dd HH:mm:ss.fff'Z' ";
                });
                break;
            case Json:
                // Scopes hold the ids of the trace, the run and the project.
                builder.Logging.AddJsonConsole(console =>
                {
                    console.UseUtcTimestamp = true;
                    console.TimestampFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z'";
                    console.IncludeScopes = true;
                });
                break;
            case var other:
                throw new OptionsValidationException("Logging", typeof(LogFormat), [$"{Key} is '{other}'; legal values: {Simple}, {Json}."]);
        }

        // Every statement and every delivery is too much to read.
        builder.Logging.AddFilter("Microsoft.EntityFrameworkCore", LogLevel.Warning);
        builder.Logging.AddFilter("MassTransit", LogLevel.Warning);
    }
}
