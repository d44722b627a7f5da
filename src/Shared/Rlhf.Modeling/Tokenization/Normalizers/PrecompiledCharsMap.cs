using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Rlhf.Modeling.Tokenization.Normalizers;

/// <summary>
/// SentencePiece's compiled normalization rules (<c>precompiled_charsmap</c>; sentencepiece, src/normalizer.cc): the size of a double-array
/// trie (darts-clone), the trie, and the replacement texts, each ended by a zero byte.
/// </summary>
internal sealed class PrecompiledCharsMap
{
    private readonly uint[] _trie;
    private readonly byte[] _texts;

    private PrecompiledCharsMap(uint[] trie, byte[] texts) => (_trie, _texts) = (trie, texts);

    public static PrecompiledCharsMap Parse(JsonElement element, string at)
    {
        byte[] data;
        try
        {
            data = Convert.FromBase64String(TokenizerJson.Text(element, "precompiled_charsmap", at));
        }
        catch (FormatException fault)
        {
            throw new InvalidDataException($"{at}.precompiled_charsmap is not base64: {fault.Message}", fault);
        }

        var size = data.Length >= 4 ? BinaryPrimitives.ReadUInt32LittleEndian(data) : uint.MaxValue;
        if (size > data.Length - 4 || size % 4 != 0 || size == 0)
        {
            throw new InvalidDataException($"{at}.precompiled_charsmap: {data.Length} bytes cannot hold the trie");
        }

        var trie = new uint[size / 4];
        for (var i = 0; i < trie.Length; i++)
        {
            trie[i] = BinaryPrimitives.ReadUInt32LittleEndian(data.AsSpan(4 + (4 * i)));
        }

        return new PrecompiledCharsMap(trie, data[(4 + (int)size)..]);
    }

    /// <summary>As the reference does it: a grapheme of less than six bytes is looked up whole, else its characters one by one.</summary>
    public AlignedText Apply(AlignedText input)
    {
        var text = input.Text;
        AlignedTextBuilder? output = null;
        var copied = 0;
        Span<byte> bytes = stackalloc byte[8];
        for (var i = 0; i < text.Length;)
        {
            var length = StringInfo.GetNextTextElementLength(text.AsSpan(i));
            if (length <= 5 && Encoding.UTF8.GetByteCount(text.AsSpan(i, length)) < 6
                && Find(bytes[..Encoding.UTF8.GetBytes(text.AsSpan(i, length), bytes)]) is { } whole)
            {
                Replace(whole, i, length);
                i += length;
                continue;
            }

            for (var end = i + length; i < end;)
            {
                Rune.DecodeFromUtf16(text.AsSpan(i), out var rune, out var width);
                if (Find(bytes[..rune.EncodeToUtf8(bytes)]) is { } single)
                {
                    Replace(single, i, width);
                }

                i += width;
            }
        }

        output?.Copy(copied, text.Length - copied);
        return output?.Build() ?? input;

        void Replace(string replacement, int start, int length)
        {
            output ??= new AlignedTextBuilder(input);
            output.Copy(copied, start - copied);
            output.Replace(replacement, start, length);
            copied = start + length;
        }
    }

    /// <summary>The replacement of the shortest known prefix of some bytes, or null.</summary>
    private string? Find(ReadOnlySpan<byte> key)
    {
        var node = Offset(_trie[0]);
        foreach (var value in key)
        {
            node ^= value;
            if (value == 0 || node >= _trie.Length || (_trie[node] & 0x800000FF) != value)
            {
                return null;
            }

            var unit = _trie[node];
            node ^= Offset(unit);
            if ((unit >> 8 & 1) == 1)
            {
                var start = node < _trie.Length ? _trie[node] & 0x7FFFFFFF : uint.MaxValue;
                if (start >= _texts.Length)
                {
                    return null;
                }

                var rest = _texts.AsSpan((int)start);
                var end = rest.IndexOf((byte)0);
                return Encoding.UTF8.GetString(end < 0 ? rest : rest[..end]);
            }
        }

        return null;

        static uint Offset(uint unit) => unit >> 10 << (int)((unit & (1 << 9)) >> 6);
    }
}
