using System.Text;

namespace Rlhf.Modeling.Tokenization;

/// <summary>
/// The GPT-2 byte alphabet: every byte has a printable character, so that a vocabulary of byte strings can be written as JSON text.
/// Printable Latin-1 stands for itself; the 68 other bytes take the characters from U+0100 upwards, in byte order.
/// </summary>
internal static class ByteLevelAlphabet
{
    private static readonly char[] ByteToChar = BuildAlphabet();
    private static readonly short[] CharToByte = Invert(ByteToChar);

    /// <summary>The character that stands for a byte.</summary>
    public static char ToChar(byte value) => ByteToChar[value];

    /// <summary>The bytes a token stands for: those of its characters, or (an added token may hold others) its UTF-8 form.</summary>
    public static byte[] BytesOf(string token)
    {
        var bytes = new byte[token.Length];
        for (var i = 0; i < token.Length; i++)
        {
            var value = token[i] < CharToByte.Length ? CharToByte[token[i]] : -1;
            if (value < 0)
            {
                return Encoding.UTF8.GetBytes(token);
            }

            bytes[i] = (byte)value;
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

    private static short[] Invert(char[] alphabet)
    {
        var bytes = new short[alphabet.Max() + 1];
        Array.Fill(bytes, (short)-1);
        for (var value = 0; value < 256; value++)
        {
            bytes[alphabet[value]] = (short)value;
        }

        return bytes;
    }
}
