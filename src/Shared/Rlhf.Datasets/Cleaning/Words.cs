using System.Text;

namespace Rlhf.Datasets.Cleaning;

/// <summary>The words of a text in lower case: runs of letters and digits; in scripts without spaces each character is a word.</summary>
internal static class Words
{
    public static List<string> Of(string text)
    {
        var words = new List<string>();
        var word = new StringBuilder();
        foreach (var character in text)
        {
            if (HasNoSpaces(character))
            {
                End();
                words.Add(character.ToString());
            }
            else if (char.IsLetterOrDigit(character) || char.IsSurrogate(character) || (word.Length > 0 && character is '\'' or '\u2019'))
            {
                word.Append(character == '\u2019' ? '\'' : char.ToLowerInvariant(character));
            }
            else
            {
                End();
            }
        }

        End();
        return words;

        void End()
        {
            if (word.Length > 0)
            {
                words.Add(word.ToString().TrimEnd('\''));
                word.Clear();
            }
        }
    }

    // Han, kana, Thai, Lao, Khmer, Myanmar.
    private static bool HasNoSpaces(char character) =>
        character is (>= '\u3040' and <= '\u30ff') or (>= '\u3400' and <= '\u9fff') or (>= '\uf900' and <= '\ufaff')
            or (>= '\u0e00' and <= '\u0eff') or (>= '\u1000' and <= '\u109f') or (>= '\u1780' and <= '\u17ff');
}
