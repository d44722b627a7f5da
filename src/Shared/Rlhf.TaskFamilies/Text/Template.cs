using System.Text;

namespace Rlhf.TaskFamilies.Text;

/// <summary>Sentences with named slots: "{he} saw a {colour} {thing}". A slot written with a capital is capitalised.</summary>
internal static class Template
{
    /// <summary>Fills the slots, chooses between "a" and "an", and capitalises the first letter.</summary>
    public static string Fill(string template, IReadOnlyDictionary<string, string> slots)
    {
        var result = new StringBuilder(template.Length + 32);
        for (var i = 0; i < template.Length; i++)
        {
            if (template[i] != '{')
            {
                result.Append(template[i]);
                continue;
            }

            var end = template.IndexOf('}', i);
            var key = template[(i + 1)..end];
            var value = slots.TryGetValue(key, out var exact) ? exact : Capitalise(slots[char.ToLowerInvariant(key[0]) + key[1..]]);
            result.Append(value);
            i = end;
        }

        return Capitalise(FixArticles(result.ToString()));
    }

    /// <summary>The text with its first letter in upper case.</summary>
    public static string Capitalise(string text) => text.Length == 0 ? text : char.ToUpperInvariant(text[0]) + text[1..];

    /// <summary>"apple" → "an apple".</summary>
    public static string WithArticle(string noun) => (IsVowel(noun[0]) ? "an " : "a ") + noun;

    /// <summary>"a, b, and c"; two items are joined by "and" alone.</summary>
    public static string Join(IReadOnlyList<string> items) => items.Count switch
    {
        1 => items[0],
        2 => $"{items[0]} and {items[1]}",
        _ => string.Join(", ", items.Take(items.Count - 1)) + ", and " + items[^1],
    };

    /// <summary>The template with its slots removed: the words it brings itself.</summary>
    public static string WithoutSlots(string template)
    {
        var result = new StringBuilder(template.Length);
        var inside = false;
        foreach (var c in template)
        {
            if (c is '{' or '}')
            {
                inside = c == '{';
                result.Append(' ');
            }
            else if (!inside)
            {
                result.Append(c);
            }
        }

        return result.ToString();
    }

    // The vocabulary holds no word whose first letter and first sound disagree ("hour", "uniform").
    private static bool IsVowel(char c) => "aeiouAEIOU".Contains(c, StringComparison.Ordinal);

    private static string FixArticles(string text)
    {
        var result = new StringBuilder(text.Length + 8);
        for (var i = 0; i < text.Length; i++)
        {
            result.Append(text[i]);
            var isArticle = text[i] is 'a' or 'A' && (i == 0 || !char.IsLetter(text[i - 1])) && i + 2 < text.Length && text[i + 1] == ' ';
            if (isArticle && IsVowel(text[i + 2]))
            {
                result.Append('n');
            }
        }

        return result.ToString();
    }
}
