using System.Security.Cryptography;
using System.Text;
using Rlhf.Modeling.Tokenization;
using Rlhf.Modeling.Tokenization.Unicode;

namespace Rlhf.Modeling.Tests.Tokenization;

public sealed class UnicodeNormalizationTests
{
    /// <summary>SHA-256 over every code point normalized by itself, each with a line end behind it, as node's String.normalize gives it (Unicode 17).</summary>
    [Theory]
    [InlineData("NFC", "9cc65524a9d8082bf10840c616cd199bd2ac12ee49a3381bd6fb7957711f342b")]
    [InlineData("NFD", "acbdeb7e8b807ccf13f21be69a6825f6233d7c6af87d13dbd843a7ee95c9a803")]
    [InlineData("NFKC", "b592b29d0a136c43fbf0a99c68dba70bc06e9ead45a62bf85d4ae49492bb8e62")]
    [InlineData("NFKD", "06444921abf558906cbd3ae3dbd959802f9144ba28867f2bbb96b00c28614b13")]
    public void Apply_EveryCodePoint_AsNode(string form, string expected)
    {
        var hash = new StringBuilder();
        for (var point = 0; point < 0x110000; point++)
        {
            if (Rune.IsValid(point))
            {
                hash.Append(Apply(form, new Rune(point).ToString())).Append('\n');
            }
        }

        Assert.Equal(expected, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(hash.ToString()))));
    }

    /// <summary>SHA-256 over 20,000 random strings of letters, marks, Hangul and characters with decompositions, from node in the same way.</summary>
    [Theory]
    [InlineData("NFC", "ac6ce833ed51a4559e7a058a4d745debc1e9147f7c31559c5b8e7081ecfa8ede")]
    [InlineData("NFD", "4f4541dc67d5edac1f8f81131b99682ff600fa8ecd0004cb469db036585b33fb")]
    [InlineData("NFKC", "fa0bc65305d31acd42908d05dd5621cfba0a2276012c6ecaf859841c0001d3a3")]
    [InlineData("NFKD", "8e68942614a43975517899dc7f904d8b265f96983817b9332aa6f52d23ee867a")]
    public void Apply_RandomStrings_AsNode(string form, string expected)
    {
        var pool = new List<int>();
        for (var point = 0xA0; point < 0x30000; point++)
        {
            if (Rune.IsValid(point)
                && (Apply("NFKD", new Rune(point).ToString()) != new Rune(point).ToString() || NormalizationData.ClassOf(point) > 0 || point is >= 0x1100 and < 0x1200))
            {
                pool.Add(point);
            }
        }

        var hash = new StringBuilder();
        var seed = 1;
        for (var i = 0; i < 20_000; i++)
        {
            var text = new StringBuilder();
            for (var n = 1 + Next(6); n > 0; n--)
            {
                text.Append(new Rune(Next(4) != 0 ? pool[Next(pool.Count)] : 0x61 + Next(26)));
            }

            hash.Append(Apply(form, text.ToString())).Append('\n');
        }

        Assert.Equal(expected, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(hash.ToString()))));

        int Next(int n)
        {
            seed = unchecked((seed * 1103515245) + 12345) & 0x7FFFFFFF;
            return (seed >> 8) % n;
        }
    }

    [Fact]
    public void Apply_AMillionMarksInTheWrongOrder_IsNotQuadratic()
    {
        // Dot below (220) belongs before acute (230); the first of each kind composes with the letter: ạ, then nothing more.
        var text = "a" + string.Concat(Enumerable.Repeat("\u0301\u0323", 500_000));
        var result = Apply("NFC", text);
        Assert.Equal(1_000_000, result.Length);
        Assert.Equal("\u1EA1\u0323\u0323", result[..3]);
    }

    private static string Apply(string form, string text) => (form switch
    {
        "NFC" => UnicodeNormalization.Nfc,
        "NFD" => UnicodeNormalization.Nfd,
        "NFKC" => UnicodeNormalization.Nfkc,
        _ => UnicodeNormalization.Nfkd,
    }).Apply(new AlignedText(text, 0, tracks: false)).Text;
}
