using System.Collections;
using System.CommandLine;
using System.Globalization;
using System.Reflection;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Rlhf.Training.Hyperparameters;

namespace Rlhf.Cli.Training;

/// <summary>
/// A flag for every hyperparameter of a method, read off its record: <c>--learning-rate</c> (or <c>--learning_rate</c>) for the key learning_rate of
/// the configuration file. A flag wins over the file. Meanings come from the record's doc comments, defaults from the record itself.
/// </summary>
/// <typeparam name="TConfig">The method's hyperparameters.</typeparam>
internal sealed class HyperparameterOptions<TConfig>
    where TConfig : IHyperparameters, new()
{
    private readonly List<(string Key, Type Type, Option Option, Func<ParseResult, IReadOnlyList<string>> Values)> _options = [];

    public HyperparameterOptions()
    {
        var defaults = new TConfig();
        foreach (var property in typeof(TConfig).GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Where(p => p.CanWrite && p.GetCustomAttribute<JsonIgnoreAttribute>() is null).OrderBy(p => p.Name, StringComparer.Ordinal))
        {
            Add(property, property.GetValue(defaults));
        }
    }

    /// <summary>Adds the flags to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (var (_, _, option, _) in _options)
        {
            command.Options.Add(option);
        }
    }

    /// <summary>The hyperparameters: what flags say, then what the file says, then the defaults.</summary>
    /// <param name="parse">The command line.</param>
    /// <param name="json">The file's text; null without one.</param>
    /// <exception cref="HyperparametersException">With every fault of file and flags together.</exception>
    public TConfig Read(ParseResult parse, string? json)
    {
        var given = _options.Where(o => parse.GetResult(o.Option) is { Implicit: false }).ToArray();
        return HyperparametersJson.Read<TConfig>(given.Length == 0 ? json : Merge(json, given.ToDictionary(o => o.Key, o => Json(o.Type, o.Values(parse)))));
    }

    private void Add(PropertyInfo property, object? value)
    {
        var key = JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name);
        var name = "--" + key.Replace('_', '-');
        string[] aliases = key.Contains('_') ? ["--" + key] : [];
        var type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
        if (type.IsArray)
        {
            var list = new Option<string[]>(name, aliases)
            {
                Description = Describe(property), HelpName = HelpName(type.GetElementType()!), AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => [.. ((IEnumerable)value!).Cast<object>().Select(Text)],
            };
            _options.Add((key, property.PropertyType, list, parse => parse.GetValue(list) ?? []));
            return;
        }

        var option = new Option<string>(name, aliases)
        {
            Description = Describe(property),
            HelpName = HelpName(type),
            Arity = type == typeof(bool) ? ArgumentArity.ZeroOrOne : ArgumentArity.ExactlyOne,
            DefaultValueFactory = _ => Text(value),
        };
        _options.Add((key, property.PropertyType, option, parse => [parse.GetResult(option)!.Tokens.Count == 0 ? "true" : parse.GetValue(option)!]));
    }

    // Without the documentation file beside the program the flags still work.
    private static string Describe(PropertyInfo property) => XmlDocumentation.TrySummary(property) ?? "";

    private static string HelpName(Type type) => type switch
    {
        { IsEnum: true } => string.Join('|', Enum.GetNames(type).Select(JsonNamingPolicy.SnakeCaseLower.ConvertName)),
        _ when type == typeof(bool) => "true|false",
        _ when type == typeof(double) => "number",
        _ => "whole number",
    };

    private static string Text(object? value) => value switch
    {
        null => "null",
        bool flag => flag ? "true" : "false",
        Enum name => JsonNamingPolicy.SnakeCaseLower.ConvertName(name.ToString()),
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };

    // What does not read as a number or the like stays a text, and the reader of the JSON says what it must be.
    private static JsonNode? Json(Type type, IReadOnlyList<string> values) => type.IsArray
        ? new JsonArray([.. values.Select(v => Value(type.GetElementType()!, v))])
        : Value(Nullable.GetUnderlyingType(type) ?? type, values[^1]);

    private static JsonNode? Value(Type type, string text)
    {
        if (!type.IsEnum && type != typeof(string))
        {
            try
            {
                return JsonNode.Parse(text);
            }
            catch (JsonException)
            {
                return text;
            }
        }

        // Enumerations also with dashes, as flags have them: k-wise for k_wise.
        return text == "null" ? null : type.IsEnum ? text.Replace('-', '_') : text;
    }

    private static string Merge(string? json, Dictionary<string, JsonNode?> flags)
    {
        using var document = string.IsNullOrWhiteSpace(json) ? null : TryParse(json);
        if (document is null && !string.IsNullOrWhiteSpace(json) || document is { RootElement.ValueKind: not JsonValueKind.Object })
        {
            // Its own fault comes first.
            return json!;
        }

        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream))
        {
            writer.WriteStartObject();
            foreach (var property in document?.RootElement.EnumerateObject().Where(p => !flags.ContainsKey(p.Name)) ?? [])
            {
                property.WriteTo(writer);
            }

            foreach (var (key, value) in flags)
            {
                writer.WritePropertyName(key);
                writer.WriteRawValue(value?.ToJsonString() ?? "null");
            }

            writer.WriteEndObject();
        }

        return Encoding.UTF8.GetString(stream.ToArray());
    }

    private static JsonDocument? TryParse(string json)
    {
        try
        {
            return JsonDocument.Parse(json);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
