using Rlhf.Numerics;

namespace Rlhf.TaskFamilies.Text;

/// <summary>What goes wrong with answers of every kind: they stop early, repeat themselves, are curt or rude.</summary>
internal static class Mishaps
{
    private static readonly string[] CurtEnglish = ["Okay.", "Yes.", "I do not know.", "Maybe.", "The end.", "No."];
    private static readonly string[] CurtChinese = ["好的。", "不知道。", "嗯。", "没有。"];
    private static readonly string[] RudeEnglish =
    [
        "That is a stupid question.", "Go away and leave me alone.", "Who cares? This is so boring.",
        "I do not care about that at all.", "Shut up, I hate this.", "I hate this. Do it on your own.",
    ];

    private static readonly string[] RudeChinese = ["真烦，别问我。", "走开，我不想理你。", "这个问题真笨。", "我讨厌这样，别来找我。"];

    public static IEnumerable<string> Phrases => [.. CurtEnglish, .. CurtChinese, .. RudeEnglish, .. RudeChinese];

    public static string Curt(string language, Philox random) => random.Choose(language == "zh" ? CurtChinese : CurtEnglish);

    public static string Rude(string language, Philox random) => random.Choose(language == "zh" ? RudeChinese : RudeEnglish);

    /// <summary>The answer with a rude remark in place of its first or after its last sentence.</summary>
    public static string WithRudeness(string answer, string language, Philox random)
    {
        var rude = Rude(language, random);
        var gap = language == "zh" ? "" : " ";
        return random.Chance(0.5) ? rude : random.Chance(0.5) ? answer + gap + rude : rude + gap + answer;
    }

    /// <summary>The answer up to a word (English) or character (Chinese) before its end, without a full stop.</summary>
    public static string CutOff(string answer, string language, Philox random)
    {
        if (language == "zh")
        {
            var keep = Math.Max(1, (int)(answer.Length * (0.3 + (0.5 * random.NextDouble()))));
            return answer[..keep].TrimEnd('\u3002', '\uff01', '\uff1f', '\uff0c', '\u3001', '\uff1a', '“', '”');
        }

        var words = answer.Split(' ');
        var count = Math.Clamp((int)(words.Length * (0.3 + (0.55 * random.NextDouble()))), 1, Math.Max(1, words.Length - 1));
        return string.Join(' ', words.Take(count)).TrimEnd('.', '!', '?', ',', '"', ':');
    }

    /// <summary>The answer with one of its sentences said two to four times.</summary>
    public static string Repeated(string answer, string language, Philox random)
    {
        var sentences = Sentences(answer);
        var which = random.Next(sentences.Count);
        var times = 2 + random.Next(3);
        var gap = language == "zh" ? "" : " ";
        var kept = random.Chance(0.5) ? sentences : sentences.Take(which + 1).ToList();
        return string.Join(gap, kept.SelectMany((s, i) => Enumerable.Repeat(s, i == which ? times : 1)));
    }

    /// <summary>The sentences of a text that this library made (full stops end sentences and nothing else).</summary>
    public static IReadOnlyList<string> Sentences(string text)
    {
        var sentences = new List<string>();
        var start = 0;
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] is '.' or '!' or '?' or '\u3002' or '\uff01' or '\uff1f')
            {
                // A closing quotation mark belongs to the sentence it ends.
                i += i + 1 < text.Length && text[i + 1] is '"' or '”' ? 1 : 0;
                sentences.Add(text[start..(i + 1)].Trim());
                start = i + 1;
            }
        }

        if (text[start..].Trim() is { Length: > 0 } rest)
        {
            sentences.Add(rest);
        }

        return sentences;
    }
}
