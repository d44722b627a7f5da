using System.Security.Cryptography;
using System.Text;
using Rlhf.Numerics;
using Rlhf.TaskFamilies.Text;

namespace Rlhf.TaskFamilies.Tests;

public sealed class CorpusGeneratorTests
{
    [Fact]
    public void Documents_StartedAnywhere_AreTheSame()
    {
        var all = CorpusGenerator.Documents(7).Take(50).ToArray();
        Assert.Equal(all[20..50], CorpusGenerator.Documents(7, first: 20).Take(30));
        Assert.Equal(all[33], CorpusGenerator.Document(7, 33));
        Assert.NotEqual(all, CorpusGenerator.Documents(8).Take(50));
    }

    // The base model that ships was trained on exactly this text. If this test fails, the generator has changed and the model
    // no longer matches its recipe: train it again or take the change back.
    [Fact]
    public void Documents_DefaultOptions_AreFrozen()
    {
        var text = string.Join('\u0001', CorpusGenerator.Documents(1).Take(2000));
        Assert.Equal("70da321bd049c7d8fb54bce047879377ce9e662d265cb1a4289a4800f42ab73b", Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text))));
    }

    [Fact]
    public void Documents_NoPrompt_IsHeldOut()
    {
        var options = new CorpusOptions { PlainShare = 0, HeldOutFraction = 0.3 };
        foreach (var document in CorpusGenerator.Documents(3, options).Take(3000))
        {
            Assert.False(PromptSplit.IsHeldOut(InstructionOf(document), 0.3));
        }
    }

    [Fact]
    public void Documents_PlainShare_IsMet()
    {
        const int count = 8000;
        var plain = CorpusGenerator.Documents(4).Take(count).Count(d => !d.StartsWith("\n\nHuman: ", StringComparison.Ordinal));
        // Five standard errors of a share of 0.25: 5·sqrt(0.25·0.75/8000) = 0.0242.
        Assert.InRange((double)plain / count, 0.25 - 0.0242, 0.25 + 0.0242);
    }

    [Fact]
    public void Documents_AllWords_AreInTheLexicon()
    {
        foreach (var document in CorpusGenerator.Documents(6).Take(5000))
        {
            var text = document.Replace("\n\nHuman: ", "", StringComparison.Ordinal).Replace("\n\nAssistant:", " ", StringComparison.Ordinal);
            foreach (var word in AnswerText.WordsOf(text))
            {
                Assert.True(Lexicon.Of("en").Contains(word) || Lexicon.Of("zh").Contains(word), $"'{word}' in {document}");
            }
        }
    }

    [Fact]
    public void Documents_Dialogues_CoverEveryFamily()
    {
        var options = new CorpusOptions { PlainShare = 0 };
        var instructions = CorpusGenerator.Documents(9, options).Take(4000).Select(InstructionOf).ToHashSet();
        Assert.True(instructions.Count > 2500, $"{instructions.Count} different prompts");
    }

    [Theory]
    [InlineData(-0.1, 0.5, 0.1, "PlainShare")]
    [InlineData(0.2, 1.1, 0.1, "Quality")]
    [InlineData(0.2, double.NaN, 0.1, "Quality")]
    [InlineData(0.2, 0.5, 1.0, "HeldOutFraction")]
    public void Document_InvalidOptions_NamesTheOption(double plain, double quality, double heldOut, string named)
    {
        var options = new CorpusOptions { PlainShare = plain, Quality = quality, HeldOutFraction = heldOut };
        Assert.Contains(named, Assert.Throws<ArgumentException>(() => CorpusGenerator.Document(1, 1, options)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void IsHeldOut_Fractions_NestAndAreMet()
    {
        var family = TaskFamilyRegistry.Find("story");
        const int count = 5000;
        var texts = Enumerable.Range(0, count).Select(i => family.CreatePrompt(new Philox(1, (ulong)i)).Text + i).ToArray();
        // Five standard errors: 5·sqrt(0.1·0.9/5000) = 0.0212.
        Assert.InRange((double)texts.Count(t => PromptSplit.IsHeldOut(t)) / count, 0.1 - 0.0212, 0.1 + 0.0212);
        Assert.All(texts.Where(t => PromptSplit.IsHeldOut(t)), t => Assert.True(PromptSplit.IsHeldOut(t, 0.3)));
        Assert.All(texts, t => Assert.True(PromptSplit.IsHeldOut(t, 1) && !PromptSplit.IsHeldOut(t, 0)));
    }

    // SHA-256("abc") starts with ba7816bf 8f01cfea (FIPS 180-4): 0xba7816bf/2^32 = 0.72839…
    [Theory]
    [InlineData(0.7283, false)]
    [InlineData(0.7285, true)]
    public void IsHeldOut_KnownDigest_ComparesTheFraction(double fraction, bool expected) =>
        Assert.Equal(expected, PromptSplit.IsHeldOut("abc", fraction));

    [Theory]
    [InlineData(-0.01)]
    [InlineData(1.01)]
    [InlineData(double.NaN)]
    public void IsHeldOut_FractionOutsideRange_Throws(double fraction) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => PromptSplit.IsHeldOut("abc", fraction));

    [Fact]
    public void Dialogue_Layout_IsThatOfHhRlhf() =>
        Assert.Equal("\n\nHuman: Name two toys.\n\nAssistant: A ball.", DialogueFormat.Dialogue("Name two toys.", "A ball."));

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void DemoPrompts_OneSplit_AreDistinctAndOverAllFamilies(bool heldOut)
    {
        var prompts = DemoProject.Prompts(220, heldOut);
        Assert.Equal(220, prompts.Select(p => p.Text).Distinct().Count());
        Assert.All(prompts, p => Assert.Equal(heldOut, PromptSplit.IsHeldOut(p.Text)));
        var counts = prompts.GroupBy(p => p.Family).Select(g => g.Count()).ToArray();
        Assert.Equal(TaskFamilyRegistry.All.Count, counts.Length);
        Assert.True(counts.Min() >= 10, $"{counts.Min()}");
        Assert.Equal(prompts, DemoProject.Prompts(220, heldOut));
    }

    [Fact]
    public void DemoPrompts_NoSuchPart_Throws()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => DemoProject.Prompts(1, heldOut: true, heldOutFraction: 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => DemoProject.Prompts(1, heldOut: false, heldOutFraction: 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => DemoProject.Prompts(-1, heldOut: false));
    }

    private static string InstructionOf(string document)
    {
        const string human = "\n\nHuman: ";
        return document[human.Length..document.IndexOf("\n\nAssistant:", StringComparison.Ordinal)];
    }
}
