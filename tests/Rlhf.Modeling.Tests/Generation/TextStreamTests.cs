using System.Text;
using Rlhf.Modeling.Generation;
using Rlhf.Modeling.Tokenization;
using Rlhf.Numerics;

namespace Rlhf.Modeling.Tests.Generation;

public sealed class TextStreamTests
{
    private static readonly Tokenizer Bytes = BpeTrainer.Train([], 257, ["<|endoftext|>"]);

    [Fact]
    public void Append_CharactersOfSeveralBytes_ComeOutWhole()
    {
        var stream = new TextStream(Bytes, [], []);
        var pieces = Ids("aé😀").Select(id => stream.Append(id, mayStop: true)).ToArray();
        Assert.Equal(["a", "", "é", "", "", "", "😀"], pieces);
        Assert.Equal("aé😀", stream.Text);
    }

    [Fact]
    public void Append_PromptEndsInsideACharacter_TheTextBeginsWithIt()
    {
        var ids = Ids("xé");
        var stream = new TextStream(Bytes, ids.AsSpan(0, 2), []);
        Assert.Equal("é", stream.Append(ids[2], mayStop: true));
    }

    [Fact]
    public void Append_StopStringOverSeveralTokens_CutsTheText()
    {
        // "###" may begin at either "#": nothing of it is let out before it is certain.
        var stream = new TextStream(Bytes, Ids("a###"), ["###", "\n\n"]);
        var pieces = Ids("b#c##\n###d").Select(id => stream.Stopped ? "stopped" : stream.Append(id, mayStop: true)).ToArray();
        Assert.Equal(["b", "", "#c", "", "", "##", "\n", "", "", "stopped"], pieces);
        Assert.Equal("b#c##\n", stream.Text);
        Assert.Equal("", stream.Flush());
    }

    [Fact]
    public void Append_StopStringBeforeItMayStop_GoesOn()
    {
        var stream = new TextStream(Bytes, [], ["stop"]);
        var text = string.Concat(Ids("stop").Select(id => stream.Append(id, mayStop: false)));
        Assert.False(stream.Stopped);
        Assert.Equal("stop", text);
        Assert.Equal("", string.Concat(Ids("stop").Select(id => stream.Append(id, mayStop: true))));
        Assert.True(stream.Stopped);
        Assert.Equal("stop", stream.Text);
    }

    [Fact]
    public void Append_SeveralStopStringsInOneToken_TheFirstInTheTextCounts()
    {
        var tokenizer = TinyModels.Tokenizer();
        var cat = Assert.Single(tokenizer.Encode(" cat"));
        var stream = new TextStream(tokenizer, [], ["t", "a", "cab"]);
        Assert.Equal(" c", stream.Append(cat, mayStop: true));
        Assert.True(stream.Stopped);
    }

    [Fact]
    public void Flush_UnfinishedCharacterAndHeldBackText_ComeOut()
    {
        var stream = new TextStream(Bytes, [], ["stop"]);
        var ids = Ids("sté");
        Assert.Equal("", string.Concat(ids[..2].Select(id => stream.Append(id, mayStop: true))));
        Assert.Equal("", stream.Append(ids[2], mayStop: true));
        Assert.Equal("st\ufffd", stream.Flush());
        Assert.Equal("st\ufffd", stream.Text);
    }

    [Fact]
    public void Append_IdBeyondTheTokenizer_HasNoText() => Assert.Equal("", new TextStream(Bytes, [], []).Append(Bytes.VocabSize + 3, mayStop: true));

    [Fact]
    public void Append_RandomTexts_PiecesJoinToTheTextBeforeTheFirstStop()
    {
        var random = new Philox(5);
        for (var trial = 0; trial < 300; trial++)
        {
            var text = RandomText(40);
            string[] stops = [.. Enumerable.Range(0, 1 + random.Next(3)).Select(_ => RandomText(1 + random.Next(4)))];
            var stream = new TextStream(Bytes, [], stops);
            var pieces = new List<string>();
            foreach (var id in Ids(text))
            {
                pieces.Add(stream.Append(id, mayStop: true));
                Assert.DoesNotContain(Rune.ReplacementChar, pieces[^1].EnumerateRunes());
                if (stream.Stopped)
                {
                    break;
                }
            }

            pieces.Add(stream.Flush());

            // The stop string that ends first decides, and of those the one that begins first.
            var end = stops.Select(stop => text.IndexOf(stop, StringComparison.Ordinal) is >= 0 and var start ? start + stop.Length : int.MaxValue).Min();
            var expected = end == int.MaxValue
                ? text
                : text[..stops.Where(stop => text[..end].EndsWith(stop, StringComparison.Ordinal)).Min(stop => end - stop.Length)];
            Assert.Equal(expected, string.Concat(pieces));
            Assert.Equal(expected, stream.Text);
        }

        string RandomText(int length) => string.Concat(Enumerable.Range(0, length).Select(_ => random.Choose(["a", "b", "é", "😀"])));
    }

    private static int[] Ids(string text) => Bytes.Encode(text, addSpecialTokens: false);
}
