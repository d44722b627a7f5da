using System.Text.Json.Nodes;
using Rlhf.Modeling.Tokenization;
using Rlhf.Modeling.Tokenization.PreTokenizers;
using Rlhf.Numerics;

namespace Rlhf.Modeling.Tests.Tokenization;

public sealed class BpeTrainerTests
{
    [Fact]
    public void Train_SmallCorpus_LearnsTheMergesByHand()
    {
        // Words: "aab" ×2, " aab" ×1 (Ġ a a b). Pair counts: aa 3, ab 3, Ġa 1. Tie aa/ab: the smaller ids first, so (a,a).
        // Then: (aa,b) 3, (Ġ,aa) 1 → merge (aa,b). Nothing is left that occurs twice.
        var tokenizer = BpeTrainer.Train(["aab", "aab aab"], 300, []);
        Assert.Equal(["a a", "aa b"], Merges(tokenizer));
        Assert.Equal(258, tokenizer.VocabSize);
        Assert.Single(tokenizer.Encode("aab"));
    }

    [Fact]
    public void Train_OverlappingPair_CountsAndMergesLeftToRight()
    {
        // "aaaa" ×2: (a,a) is counted at 3 places ×2 = 6. Merged: [aa, aa] → (aa,aa) 2 → aaaa.
        var tokenizer = BpeTrainer.Train(["aaaa", "aaaa"], 300, []);
        Assert.Equal(["a a", "aa aa"], Merges(tokenizer));
        Assert.Equal(2, tokenizer.Encode("aaaaa").Length);
    }

    [Fact]
    public void Train_AnyOrderOfTexts_SameTokenizer()
    {
        var texts = Enumerable.Range(0, 60).Select(i => $"story {i % 7} about the {(i % 3 == 0 ? "cat" : "dog")} 猫 {i * 31 % 11}").ToArray();
        var first = BpeTrainer.Train(texts, 320, ["<s>", "</s>"]);
        new Philox(3).Shuffle<string>(texts);
        Assert.Equal(first.Fingerprint, BpeTrainer.Train(texts, 320, ["<s>", "</s>"]).Fingerprint);
    }

    [Fact]
    public void Train_AgainstRecountingEverything_SameMerges()
    {
        // The incremental counts must equal counting all pairs again before every merge.
        var random = new Philox(17);
        var texts = Enumerable.Range(0, 80).Select(_ => string.Concat(Enumerable.Range(0, 12).Select(_ => random.Choose(["a", "b", "c", "d", " "])))).ToArray();
        var tokenizer = BpeTrainer.Train(texts, 296, []);
        Assert.Equal(40, Merges(tokenizer).Length);
        Assert.Equal(RecountedMerges(texts, 40), Merges(tokenizer));
    }

    [Fact]
    public void Train_SpecialTokens_TakeTheFirstIdsAndNoPartInWords()
    {
        var tokenizer = BpeTrainer.Train(["ab<|endoftext|>ab<|endoftext|>ab"], 300, ["<|endoftext|>", "<pad>", "<s>"]);
        Assert.Equal((0, 1, 2), (tokenizer.EosTokenId, tokenizer.PadTokenId, tokenizer.BosTokenId));
        Assert.Equal(["a b"], Merges(tokenizer));
        Assert.Equal(3 + 256 + 1, tokenizer.VocabSize);
    }

    [Fact]
    public void Train_NoRoomForTheBytes_Throws() =>
        Assert.Contains(
            "it must be from 258", Assert.Throws<ArgumentException>(() => BpeTrainer.Train(["a"], 257, ["<s>", "</s>"])).Message, StringComparison.Ordinal);

    [Fact]
    public void Train_SpecialTokensEmptyOrTwice_Throws()
    {
        Assert.Throws<ArgumentException>(() => BpeTrainer.Train(["a"], 300, [""]));
        Assert.Throws<ArgumentException>(() => BpeTrainer.Train(["a"], 300, ["<s>", "<s>"]));
    }

    [Fact]
    public void Train_AnyNumberOfThreads_SameFiles()
    {
        var texts = Enumerable.Range(0, 3000).Select(i => $"line {i} of {i * 7919 % 1013}, it's the {(i % 2 == 0 ? "even" : "odd")} one 猫{i % 5}\n").ToArray();
        var options = new BpeTrainerOptions { VocabSize = 600, SpecialTokens = ["<s>"], Split = "llama3", MinFrequency = 3, MaxDegreeOfParallelism = 1 };
        var progress = new List<BpeTrainingProgress>();
        var one = BpeTrainer.Train(texts, options, progress.Add);
        Assert.Equal(one.Fingerprint, BpeTrainer.Train(texts, options with { MaxDegreeOfParallelism = 4 }).Fingerprint);
        Assert.Equal((texts.Sum(text => text.Length), one.VocabSize), ((int)progress[^1].Characters, progress[^1].VocabSize));
    }

    [Theory]
    [InlineData("gpt2", "I'LL pay 1234", "I|'|LL| pay| 1234")]
    [InlineData("llama3", "I'LL pay 1234", "I|'LL| pay| |123|4")]
    [InlineData("qwen2", "I'LL pay 1234", "I|'LL| pay| |1|2|3|4")]
    public void Train_Split_IsTheTokenizersAfterwards(string split, string text, string expected)
    {
        // Every word occurs often, so that each becomes one token; words never grow together.
        var tokenizer = BpeTrainer.Train(Enumerable.Repeat(text, 10), new BpeTrainerOptions { VocabSize = 400, Split = split });
        Assert.Equal(expected.Split('|'), tokenizer.Encode(text).Select(id => tokenizer.Decode([id])));
    }

    [Fact]
    public void Train_MinFrequency_RarerPairsAreNotMerged()
    {
        // "ab" three times, "cd" twice.
        Assert.Equal(["a b"], Merges(BpeTrainer.Train(["ab", "ab", "ab", "cd", "cd"], new BpeTrainerOptions { VocabSize = 300, MinFrequency = 3 })));
    }

    [Fact]
    public void Validate_EveryFault_IsListed()
    {
        var faults = new BpeTrainerOptions { VocabSize = 10, SpecialTokens = ["a", "a"], MinFrequency = 0, Split = "words" }.Validate();
        Assert.Equal(4, faults.Count);
        Assert.Contains(faults, fault => fault.Contains("gpt2, llama3, qwen2", StringComparison.Ordinal));
    }

    [Fact]
    public void Train_Stopped_Throws()
    {
        using var stop = new CancellationTokenSource();
        stop.Cancel();
        Assert.ThrowsAny<OperationCanceledException>(() => BpeTrainer.Train(["ab"], new BpeTrainerOptions { VocabSize = 300 }, stop: stop.Token));
    }

    private static string[] Merges(Tokenizer tokenizer)
    {
        using var directory = new TemporaryDirectory();
        tokenizer.Save(directory.Path);
        var json = JsonNode.Parse(File.ReadAllText(directory.File("tokenizer.json")))!;
        return [.. json["model"]!["merges"]!.AsArray().Select(merge => (string)merge!)];
    }

    /// <summary>The textbook loop. Words of letters and spaces only: "Ġ" stands for a space, and ids follow the order of creation.</summary>
    private static string[] RecountedMerges(string[] texts, int count)
    {
        var words = new List<List<string>>();
        foreach (var text in texts)
        {
            for (var start = 0; start < text.Length;)
            {
                var end = Gpt2Splitter.WordEnd(text, start);
                words.Add([.. text[start..end].Select(letter => letter == ' ' ? "Ġ" : letter.ToString())]);
                start = end;
            }
        }

        List<string> order = ["a", "b", "c", "d", "Ġ"];
        var merges = new List<string>();
        while (merges.Count < count)
        {
            var (left, right) = words
                .SelectMany(word => word.Zip(word.Skip(1)))
                .GroupBy(pair => pair)
                .OrderByDescending(group => group.Count())
                .ThenBy(group => order.IndexOf(group.Key.First))
                .ThenBy(group => order.IndexOf(group.Key.Second))
                .First().Key;
            merges.Add($"{left} {right}");
            if (!order.Contains(left + right))
            {
                order.Add(left + right);
            }

            foreach (var word in words)
            {
                for (var i = 0; i + 1 < word.Count; i++)
                {
                    if (word[i] == left && word[i + 1] == right)
                    {
                        word[i] = left + right;
                        word.RemoveAt(i + 1);
                    }
                }
            }
        }

        return [.. merges];
    }
}
