namespace Rlhf.Modeling.Tokenization;

/// <summary>
/// The GPT-2 byte alphabet: every byte has a printable character, so that a vocabulary of byte strings can be written as JSON text.
/// Printable Latin-1 stands for itself; the 68 other bytes take the characters from U+0100 upwards, in byte order.
/// </summary>
internal static class ByteLevelAlphabet
{
    private static readonly char[] ByteToChar = BuildAlphabet();
    private static readonly Dictionary<char, byte> CharToByte = ByteToChar
        .Select((character, index) => (character, index))
        .ToDictionary(pair => pair.character, pair => (byte)pair.index);

    /// <summary>The character that stands for a byte.</summary>
    public static char ToChar(byte value) => ByteToChar[value];

    /// <summary>The text that stands for some bytes.</summary>
    public static string ToText(ReadOnlySpan<byte> bytes)
    {
        var text = new char[bytes.Length];
        for (var i = 0; i < bytes.Length; i++)
        {
            text[i] = ByteToChar[bytes[i]];
        }

        return new string(text);
    }

    /// <summary>The bytes a text stands for, or null if it holds a character outside the alphabet (an added token may).</summary>
    public static byte[]? ToBytes(string text)
    {
        var bytes = new byte[text.Length];
        for (var i = 0; i < text.Length; i++)
        {
            if (!CharToByte.TryGetValue(text[i], out bytes[i]))
            {
                return null;
            }
        }

        return bytes;
    }

    private static char[] BuildAlphabet()
    {
        var alphabet = new char[256];
        var next = '\u0100';
        for (var value = 0; value < 256; value++)
        {
            var printable = value is >= '!' and <= '~' or >= 0xA1 and <= 0xAC or >= 0xAE;
            alphabet[value] = printable ? (char)value : next++;
        }

        return alphabet;
    }
}
