using System.Text.Json;
using System.Text.RegularExpressions;

namespace Rlhf.Training.Evaluation.Instructions;

/// <summary>
/// The checks of instructions, with the ids and arguments of IFEval (Zhou et al. 2023, table 1), written from its description. Words are runs of letters,
/// digits, apostrophes and hyphens; sentences end in . ! or ?; keywords are compared without case.
/// </summary>
public static partial class InstructionChecks
{
    private static readonly Dictionary<string, Func<InstructionArguments, Func<string, bool>>> s_checks = new(StringComparer.Ordinal)
    {
        ["keywords:existence"] = a =>
        {
            var keywords = a.Texts("keywords");
            return text => keywords.All(k => Occurrences(text, k) > 0);
        },
        ["keywords:frequency"] = a =>
        {
            var (keyword, holds) = (a.Text("keyword"), a.Relation("relation", "frequency"));
            return text => holds(Occurrences(text, keyword));
        },
        ["keywords:forbidden_words"] = a =>
        {
            var words = a.Texts("forbidden_words");
            return text => words.All(w => Occurrences(text, w) == 0);
        },
        ["keywords:letter_frequency"] = a =>
        {
            var (letter, holds) = (a.Text("letter"), a.Relation("let_relation", "let_frequency"));
            return text => holds(text.Count(c => char.ToLowerInvariant(c) == char.ToLowerInvariant(letter[0])));
        },
        ["length_constraints:number_words"] = a =>
        {
            var holds = a.Relation("relation", "num_words");
            return text => holds(Word().Count(text));
        },
        ["length_constraints:number_sentences"] = a =>
        {
            var holds = a.Relation("relation", "num_sentences");
            return text => holds(Sentences(text));
        },
        ["length_constraints:number_paragraphs"] = a =>
        {
            var count = a.Number("num_paragraphs", 1);
            return text => text.Split("***").Count(p => p.Trim().Length > 0) == count;
        },
        ["detectable_content:postscript"] = a =>
        {
            var marker = a.Text("postscript_marker");
            return text => text.Contains(marker, StringComparison.OrdinalIgnoreCase);
        },
        ["detectable_format:number_bullet_lists"] = a =>
        {
            var count = a.Number("num_bullets", 1);
            return text => Bullet().Count(text) == count;
        },
        ["detectable_format:number_highlighted_sections"] = a =>
        {
            var count = a.Number("num_highlights", 1);
            return text => Highlight().Count(text) >= count;
        },
        ["detectable_format:title"] = _ => text => Title().IsMatch(text),
        ["detectable_format:json_format"] = _ => IsJson,
        ["change_case:english_capital"] = _ => text => text.Any(char.IsLetter) && !text.Any(char.IsLower),
        ["change_case:english_lowercase"] = _ => text => text.Any(char.IsLetter) && !text.Any(char.IsUpper),
        ["change_case:capital_word_frequency"] = a =>
        {
            var holds = a.Relation("capital_relation", "capital_frequency");
            return text => holds(Word().Matches(text).Count(m => m.Value.Any(char.IsLetter) && !m.Value.Any(char.IsLower)));
        },
        ["startend:end_checker"] = a =>
        {
            var phrase = a.Text("end_phrase").Trim();
            return text => text.Trim().TrimEnd('"').TrimEnd().EndsWith(phrase, StringComparison.OrdinalIgnoreCase);
        },
        ["startend:quotation"] = _ => text => text.Trim() is { Length: > 1 } t && t[0] == '"' && t[^1] == '"',
        ["punctuation:no_comma"] = _ => text => !text.Contains(',', StringComparison.Ordinal),
        ["combination:repeat_prompt"] = a =>
        {
            var prompt = a.Text("prompt_to_repeat").Trim();
            return text => text.Trim().StartsWith(prompt, StringComparison.OrdinalIgnoreCase);
        },
    };

    /// <summary>The ids there are checks for.</summary>
    public static IReadOnlyCollection<string> Ids => s_checks.Keys;

    /// <summary>An instruction.</summary>
    /// <param name="id">One of <see cref="Ids"/>.</param>
    /// <param name="arguments">Its arguments; a JSON object.</param>
    /// <exception cref="InvalidDataException">If there is no such check, or an argument is missing or illegal.</exception>
    public static VerifiableInstruction Create(string id, JsonElement arguments) => s_checks.TryGetValue(id, out var check)
        ? new VerifiableInstruction(id, arguments, check(new InstructionArguments(id, arguments)))
        : throw new InvalidDataException($"There is no check '{id}'; the checks are {string.Join(", ", s_checks.Keys.Order(StringComparer.Ordinal))}.");

    /// <summary>Whether an answer follows an instruction as it stands (IFEval's strict accuracy). A blank answer follows none.</summary>
    public static bool IsFollowed(VerifiableInstruction instruction, string answer) => !string.IsNullOrWhiteSpace(answer) && instruction.IsFollowed(answer);

    /// <summary>
    /// Whether an answer follows an instruction when one looks past what models like to add: without its first line, last line, both, and without asterisks
    /// (IFEval's loose accuracy, section 3).
    /// </summary>
    public static bool IsLooselyFollowed(VerifiableInstruction instruction, string answer)
    {
        var lines = answer.Split('\n');
        string[] cuts = [answer, Join(lines[1..]), Join(lines[..^1]), lines.Length > 1 ? Join(lines[1..^1]) : ""];
        return cuts.SelectMany(c => new[] { c, c.Replace("*", "", StringComparison.Ordinal) }).Any(c => IsFollowed(instruction, c));
    }

    private static string Join(string[] lines) => string.Join('\n', lines).Trim();

    // As whole words: "cat" does not occur in "catalogue".
    private static int Occurrences(string text, string keyword)
    {
        var count = 0;
        for (var at = text.IndexOf(keyword, StringComparison.OrdinalIgnoreCase); at >= 0; at = text.IndexOf(keyword, at + keyword.Length, StringComparison.OrdinalIgnoreCase))
        {
            var end = at + keyword.Length;
            count += (at == 0 || !char.IsLetterOrDigit(text[at - 1])) && (end == text.Length || !char.IsLetterOrDigit(text[end])) ? 1 : 0;
        }

        return count;
    }

    private static int Sentences(string text) => text.Split(['.', '!', '?'], StringSplitOptions.TrimEntries).Count(s => s.Any(char.IsLetterOrDigit));

    private static bool IsJson(string text)
    {
        var body = text.Trim();
        if (body.StartsWith("```", StringComparison.Ordinal) && body.EndsWith("```", StringComparison.Ordinal) && body.IndexOf('\n', StringComparison.Ordinal) is var start and > 0)
        {
            body = body[start..^3];
        }

        try
        {
            using var document = JsonDocument.Parse(body);
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    [GeneratedRegex(@"[\p{L}\p{N}]+(?:['’\-][\p{L}\p{N}]+)*", RegexOptions.NonBacktracking)]
    private static partial Regex Word();

    [GeneratedRegex(@"^[ \t]*[*\-][ \t]+\S", RegexOptions.Multiline | RegexOptions.NonBacktracking)]
    private static partial Regex Bullet();

    [GeneratedRegex(@"\*[^*\n]*[^*\s][^*\n]*\*", RegexOptions.NonBacktracking)]
    private static partial Regex Highlight();

    [GeneratedRegex(@"<<[^\n<>]*[^\s<>][^\n<>]*>>", RegexOptions.NonBacktracking)]
    private static partial Regex Title();
}
