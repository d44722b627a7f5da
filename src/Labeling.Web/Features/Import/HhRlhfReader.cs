using System.IO.Compression;
using System.Text;
using System.Text.Json;

namespace Labeling.Web.Features.Import;

/// <summary>
/// Reads Anthropic's HH-RLHF layout (Bai et al. 2022): one JSON object a line with <c>chosen</c> and <c>rejected</c>, whole dialogues of
/// <c>\n\nHuman:</c> and <c>\n\nAssistant:</c> turns; plain or gzip-compressed.
/// </summary>
public static class HhRlhfReader
{
    private const string AnswerMark = "\n\nAssistant:";
    private const int MaximumReportedFaults = 20;
    private const int MaximumLineLength = 1 << 20;
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>All pairs of the file, in its order.</summary>
    /// <exception cref="ImportException">If any line is broken: the message names every line and field (the first 20), and nothing is returned.</exception>
    public static IReadOnlyList<PreferencePair> Read(string path)
    {
        if (!File.Exists(path))
        {
            throw new ImportException($"{path}: no such file.");
        }

        var pairs = new List<PreferencePair>();
        var faults = new List<string>();
        var faultCount = 0;
        var line = 0;
        try
        {
            using var file = File.OpenRead(path);
            using Stream content = path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) ? new GZipStream(file, CompressionMode.Decompress) : file;
            using var reader = new StreamReader(content, StrictUtf8);
            while (reader.ReadLine() is { } text)
            {
                line++;
                if (string.IsNullOrWhiteSpace(text))
                {
                    continue;
                }

                try
                {
                    pairs.Add(Parse(line, text));
                }
                catch (Exception exception) when (exception is JsonException or FormatException)
                {
                    faultCount++;
                    if (faults.Count < MaximumReportedFaults)
                    {
                        faults.Add($"line {line}: {exception.Message}");
                    }
                }
            }
        }
        catch (DecoderFallbackException)
        {
            throw new ImportException($"{path}: line {line + 1} is not valid UTF-8. Nothing was imported.");
        }
        catch (InvalidDataException exception)
        {
            throw new ImportException($"{path}: not a readable gzip file after line {line} ({exception.Message}). Nothing was imported.");
        }

        if (faultCount > 0)
        {
            var more = faultCount > faults.Count ? $"\n  … and {faultCount - faults.Count} more" : "";
            throw new ImportException($"{path}: {faultCount} of {line} lines cannot be read. Nothing was imported.\n  " + string.Join("\n  ", faults) + more);
        }

        return pairs.Count > 0 ? pairs : throw new ImportException($"{path}: the file holds no comparison. Nothing was imported.");
    }

    private static PreferencePair Parse(int line, string text)
    {
        if (text.Length > MaximumLineLength)
        {
            throw new FormatException($"longer than {MaximumLineLength:N0} characters");
        }

        using var document = JsonDocument.Parse(text);
        if (document.RootElement.ValueKind != JsonValueKind.Object)
        {
            throw new FormatException("expected a JSON object with \"chosen\" and \"rejected\"");
        }

        var chosen = Field(document.RootElement, "chosen");
        var rejected = Field(document.RootElement, "rejected");
        var shared = SharedPromptLength(chosen, rejected);
        return new PreferencePair(line, chosen[..shared], chosen[shared..].Trim(), rejected[shared..].Trim());
    }

    private static string Field(JsonElement row, string name)
    {
        if (!row.TryGetProperty(name, out var value) || value.ValueKind != JsonValueKind.String)
        {
            throw new FormatException($"field \"{name}\" is missing or not a string");
        }

        var text = value.GetString()!;
        return text.Contains(AnswerMark, StringComparison.Ordinal)
            ? text
            : throw new FormatException($"field \"{name}\" has no \"\\n\\nAssistant:\" turn");
    }

    // The longest shared prefix that ends in an answer mark: in a few rows the two dialogues part before the last turn.
    private static int SharedPromptLength(string chosen, string rejected)
    {
        var common = chosen.AsSpan().CommonPrefixLength(rejected);
        var mark = chosen.AsSpan(0, common).LastIndexOf(AnswerMark);
        return mark < 0
            ? throw new FormatException("\"chosen\" and \"rejected\" do not share a prompt ending in \"\\n\\nAssistant:\"")
            : mark + AnswerMark.Length;
    }
}

/// <summary>A file that cannot be imported; the message is a report for the person who tried, and nothing was changed.</summary>
public sealed class ImportException(string message) : Exception(message);
