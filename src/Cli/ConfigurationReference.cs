using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;
using System.Text;
using Rlhf.Cli.AllInOne;
using Rlhf.Hosting;

namespace Rlhf.Cli;

/// <summary>
/// The text of docs/configuration.md. Sections are those that the processes bind; types, defaults and ranges are the options classes' own, and the
/// meanings their doc comments, so that the page cannot say anything else than the program does.
/// </summary>
internal static class ConfigurationReference
{
    /// <summary>The command that writes the page.</summary>
    public const string Command = "./rlhf config reference --output docs/configuration.md";

    private const string Head = $$"""
        # Settings

        Written by `{{Command}}` from the options classes; edit their doc comments instead.

        A setting is given, the later before the earlier, by
        - a file of the secrets directory (`/run/secrets`, or what `SecretsDirectory` names): its name is the key with `__` for `:`, its content the value;
        - an environment variable, `Section__Key=value`;
        - the command line of a service, `--Section:Key=value`.

        A key that means nothing and a value that is not legal stop the start with a message that names them. Times are `days.hours:minutes:seconds`,
        `00:00:05` for five seconds. `rlhf up` sets the database, the transport and the data directory by itself.

        """;

    private const string Tail = """

        ## Outside the sections

        | key | default | meaning |
        | --- | --- | --- |
        | `Logging:Format` | `simple` | `simple`: a line for a person; `json`: one JSON object a line, with the ids of trace, run and project |
        | `Logging:LogLevel:NAME` | `Information` | least level of a category, for example `Logging:LogLevel:Microsoft.EntityFrameworkCore` |
        | `SecretsDirectory` | `/run/secrets` | directory of settings in files |
        | `ASPNETCORE_URLS`, `ASPNETCORE_HTTP_PORTS` | port 5000; 8080 in the images | where a service listens (environment only) |
        | `ASPNETCORE_FORWARDEDHEADERS_ENABLED` | `false` | `true` behind a reverse proxy that sets `X-Forwarded-For` and `X-Forwarded-Proto`, and only there |
        | `shutdownTimeoutSeconds` | `45` | time for an orderly end after SIGTERM (`DOTNET_shutdownTimeoutSeconds` in the environment) |
        | `OTEL_EXPORTER_OTLP_ENDPOINT` | none | where traces and metrics are sent; the other variables of [OpenTelemetry's specification](https://opentelemetry.io/docs/specs/otel/protocol/exporter/) count too |
        | `OTEL_SERVICE_NAME`, `OTEL_TRACES_SAMPLER` | the program's name; all but polling | as specified by OpenTelemetry |
        | `RLHF_LIBTORCH`, `RLHF_KERNELS` | the system's; beside the program | other native libraries: [torch.md](guides/torch.md) (environment only) |
        """;

    public static string Create()
    {
        var builder = WebApplication.CreateBuilder();
        EmbeddedSystem.AddServices(builder);
        var sections = builder.Services
            .Select(service => service.ImplementationInstance)
            .OfType<OptionsSection>()
            .DistinctBy(section => section.Name)
            .OrderBy(section => section.Name, StringComparer.Ordinal);
        var text = new StringBuilder(Head);
        foreach (var section in sections)
        {
            text.Append(CultureInfo.InvariantCulture, $"\n## {section.Name}\n\n{WithoutSection(XmlDocumentation.Summary(section.Type), section.Name)}\n\n");
            text.Append("| key | type | default | legal values | meaning |\n| --- | --- | --- | --- | --- |\n");
            AppendRows(text, section.Name, Activator.CreateInstance(section.Type)!);
        }

        return text.Append(Tail).Append('\n').ToString();
    }

    private static void AppendRows(StringBuilder text, string prefix, object options)
    {
        foreach (var property in options.GetType().GetProperties().Where(p => p.SetMethod is { IsPublic: true } || IsList(p.PropertyType)).OrderBy(p => p.MetadataToken))
        {
            var (key, value) = ($"{prefix}:{property.Name}", property.GetValue(options));
            var type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
            if (value is not null && type.IsClass && type != typeof(string) && type.Assembly == options.GetType().Assembly)
            {
                AppendRows(text, key, value);
            }
            else
            {
                text.Append(CultureInfo.InvariantCulture, $"| `{key}` | {TypeName(type)} | {Default(value)} | {Legal(property)} | {Cell(XmlDocumentation.Summary(property))} |\n");
            }
        }
    }

    private static string TypeName(Type type) =>
        type == typeof(string) ? "text"
        : type == typeof(bool) ? "true, false"
        : type == typeof(TimeSpan) ? "time"
        : type == typeof(Uri) ? "address"
        : type.IsEnum ? string.Join(", ", Enum.GetNames(type))
        : type == typeof(int) || type == typeof(long) ? "whole number"
        : type == typeof(double) || type == typeof(float) ? "number"
        : IsList(type) ? "list (`:0`, `:1`, …)"
        : type.Name;

    // The binder adds to a list that has no setter.
    private static bool IsList(Type type) =>
        type != typeof(string) && type.GetInterfaces().Append(type).Any(i => i.IsGenericType && i.GetGenericTypeDefinition() == typeof(IEnumerable<>));

    private static string Default(object? value) => value switch
    {
        null or "" => "–",
        bool flag => flag ? "`true`" : "`false`",
        TimeSpan time => $"`{(time.Ticks % TimeSpan.TicksPerSecond == 0 ? time.ToString("c") : time.ToString("c").TrimEnd('0'))}`",
        string or IFormattable => $"`{Convert.ToString(value, CultureInfo.InvariantCulture)}`",
        System.Collections.IEnumerable list => string.Join(", ", list.Cast<object>().Select(Default)) is { Length: > 0 } items ? items : "–",
        _ => $"`{value}`",
    };

    private static string Legal(PropertyInfo property)
    {
        var rules = new List<string>();
        if (property.GetCustomAttribute<RequiredAttribute>() is not null)
        {
            rules.Add("required");
        }

        if (property.GetCustomAttribute<RangeAttribute>() is { } range)
        {
            rules.Add(string.Create(CultureInfo.InvariantCulture, $"{range.Minimum} to {range.Maximum}"));
        }

        if (property.GetCustomAttribute<MinLengthAttribute>() is { } length)
        {
            rules.Add(string.Create(CultureInfo.InvariantCulture, $"at least {length.Length} characters"));
        }

        if (property.GetCustomAttribute<AllowedValuesAttribute>() is { } allowed)
        {
            rules.Add(string.Join(", ", allowed.Values));
        }

        return rules.Count == 0 ? "–" : string.Join("; ", rules);
    }

    // "Section "Storage": where files are kept." under a heading that already says Storage.
    private static string WithoutSection(string summary, string section)
    {
        var prefix = $"Section \"{section}\": ";
        return summary.StartsWith(prefix, StringComparison.Ordinal) ? char.ToUpperInvariant(summary[prefix.Length]) + summary[(prefix.Length + 1)..] : summary;
    }

    private static string Cell(string text) => text.Replace("|", "\\|", StringComparison.Ordinal);
}
