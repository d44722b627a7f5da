using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Labeling.Web.Features.Projects;

/// <summary>A project to be created, as it stands in the form.</summary>
public sealed class NewProject
{
    /// <summary>Most prompts of one project.</summary>
    public const int MaxPrompts = 20_000;

    /// <summary>Most characters of one prompt.</summary>
    public const int MaxPromptLength = 8_000;

    /// <summary>Most bytes of an uploaded file.</summary>
    public const int MaxFileBytes = 4 * 1024 * 1024;

    public string Name { get; set; } = "";

    public string Slug { get; set; } = "";

    public string Guidelines { get; set; } = "";

    /// <summary>One prompt a line, or JSON lines.</summary>
    public string Prompts { get; set; } = "";

    public Guid? BaseCheckpointId { get; set; }

    public double HeldOutFraction { get; set; } = 0.1;

    public int JudgmentsPerCycle { get; set; } = 100;

    public int PromptsPerCycle { get; set; } = 100;

    /// <summary>The slug that a name suggests: lower-case letters, digits and hyphens.</summary>
    public static string SuggestSlug(string name)
    {
        var slug = new StringBuilder();
        foreach (var c in name)
        {
            if (char.IsAsciiLetterOrDigit(c))
            {
                slug.Append(char.ToLowerInvariant(c));
            }
            else if (slug.Length > 0 && slug[^1] != '-')
            {
                slug.Append('-');
            }
        }

        return slug.ToString().Trim('-');
    }

    /// <summary>Reads the prompts and lists every fault; none means that the project can be created.</summary>
    /// <param name="prompts">The distinct prompts in their order.</param>
    public IReadOnlyList<string> Validate(out IReadOnlyList<string> prompts)
    {
        var errors = new List<string>();
        Require(Name.Trim().Length is > 0 and <= 100, $"Name has {Name.Trim().Length} characters; it must have 1 to 100.");
        Require(
            Slug.Length is > 0 and <= 100 && Slug.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-') && Slug[0] != '-' && Slug[^1] != '-',
            $"Address is \"{Slug}\"; it must be 1 to 100 lower-case letters, digits and hyphens, with no hyphen at either end.");
        Require(Slug != "new", "Address \"new\" is the page on which projects are created; choose another.");
        Require(Guidelines.Length <= ProjectSettings.MaxGuidelines, $"Guidelines have {Guidelines.Length} characters; at most {ProjectSettings.MaxGuidelines} are allowed.");
        Require(BaseCheckpointId is not null, "Choose the policy that answers first.");
        Require(HeldOutFraction is >= 0 and <= 0.9, string.Create(CultureInfo.InvariantCulture, $"Held-out fraction is {HeldOutFraction}; it must be from 0 to 0.9."));
        Require(JudgmentsPerCycle is >= 1 and <= 1_000_000, $"Judgments per cycle is {JudgmentsPerCycle}; it must be from 1 to 1000000.");
        Require(PromptsPerCycle is >= 1 and <= 100_000, $"Prompts per cycle is {PromptsPerCycle}; it must be from 1 to 100000.");
        prompts = ReadPrompts(Prompts, errors);
        return errors;

        void Require(bool holds, string error)
        {
            if (!holds)
            {
                errors.Add(error);
            }
        }
    }

    /// <summary>Prompts of a text: JSON lines with a "prompt" (or "text") string where the first line begins with a brace, else one a line. Repeats count once.</summary>
    internal static IReadOnlyList<string> ReadPrompts(string text, List<string> errors)
    {
        const int ShownFaults = 5;
        var prompts = new List<string>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var json = text.AsSpan().TrimStart().StartsWith("{");
        var (number, faults) = (0, 0);
        foreach (var line in text.AsSpan().EnumerateLines())
        {
            number++;
            if (line.IsWhiteSpace())
            {
                continue;
            }

            var prompt = json ? ReadJson(line.ToString(), out var fault) : Plain(line, out fault);
            if (prompt is null)
            {
                Fault($"Prompts, line {number}: {fault}");
            }
            else if (prompt.Length > MaxPromptLength)
            {
                Fault($"Prompts, line {number}: {prompt.Length} characters; at most {MaxPromptLength} are allowed.");
            }
            else if (prompts.Count == MaxPrompts && !seen.Contains(prompt))
            {
                errors.Add($"Prompts, line {number}: more than {MaxPrompts} prompts.");
                break;
            }
            else if (seen.Add(prompt))
            {
                prompts.Add(prompt);
            }
        }

        if (faults > ShownFaults)
        {
            errors.Add($"Prompts: {faults - ShownFaults} more lines cannot be used.");
        }

        if (prompts.Count == 0 && faults == 0)
        {
            errors.Add("Prompts are empty: enter at least one, one a line or as JSON lines.");
        }

        return prompts;

        void Fault(string fault)
        {
            if (++faults <= ShownFaults)
            {
                errors.Add(fault);
            }
        }
    }

    private static string Plain(ReadOnlySpan<char> line, out string fault)
    {
        fault = "";
        return line.Trim().ToString();
    }

    private static string? ReadJson(string line, out string fault)
    {
        fault = "it must be a JSON object with a string \"prompt\" (or \"text\").";
        try
        {
            using var document = JsonDocument.Parse(line);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                return null;
            }

            foreach (var name in (string[])["prompt", "text"])
            {
                if (document.RootElement.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String && value.GetString()!.Trim() is { Length: > 0 } prompt)
                {
                    return prompt;
                }
            }
        }
        catch (JsonException exception)
        {
            fault = $"no valid JSON (character {exception.BytePositionInLine + 1}).";
        }

        return null;
    }
}
