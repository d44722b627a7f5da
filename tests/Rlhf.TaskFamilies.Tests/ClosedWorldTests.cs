using Rlhf.Numerics;

namespace Rlhf.TaskFamilies.Tests;

public sealed class ClosedWorldTests
{
    public static TheoryData<string> ClosedWorlds => [.. TaskFamilyRegistry.All.OfType<IClosedWorldFamily>().Select(f => f.Name)];

    public static TheoryData<string, string> MadeUp => new()
    {
        { "question", "invents-an-answer" }, { "question", "confuses-the-two" }, { "question", "names-both" },
        { "colour-zh", "invents-a-colour" }, { "colour-zh", "confuses-the-two" },
        { "summary", "wrong-name" }, { "summary", "wrong-place" }, { "summary", "wrong-thing" },
    };

    [Theory]
    [MemberData(nameof(ClosedWorlds))]
    public void UnsupportedFacts_GoodAnswers_HaveNone(string name)
    {
        var family = (IClosedWorldFamily)TaskFamilyRegistry.Find(name);
        var random = new Philox(3);
        for (var i = 0; i < 300; i++)
        {
            var prompt = family.CreatePrompt(random);
            var answer = family.CreateAnswer(prompt, random, quality: 1);
            Assert.True(family.UnsupportedFacts(prompt, answer).Count == 0, $"{prompt.Text} | {answer} | {string.Join(", ", family.UnsupportedFacts(prompt, answer))}");

            // What the prompt itself says is supported.
            Assert.Empty(family.UnsupportedFacts(prompt, prompt.Text));
        }
    }

    [Theory]
    [MemberData(nameof(MadeUp))]
    public void UnsupportedFacts_AnswersThatMakeSomethingUp_HaveSome(string name, string mode)
    {
        var family = (IClosedWorldFamily)TaskFamilyRegistry.Find(name);
        var random = new Philox(4);
        for (var i = 0; i < 300; i++)
        {
            var prompt = family.CreatePrompt(random);
            var answer = family.CreateFailure(prompt, random, mode);
            Assert.True(family.UnsupportedFacts(prompt, answer).Count > 0, $"{prompt.Text} | {answer}");
        }
    }

    [Fact]
    public void UnsupportedFacts_ByHand()
    {
        var family = (IClosedWorldFamily)TaskFamilyRegistry.Find("question");
        var prompt = new TaskPrompt(
            "question", "Ben has a green scarf and a black hat. What colour is the scarf?",
            """{"kind":"colour","asked":"scarf","answer":"green","other":"black","verb":"found"}""");

        Assert.Empty(family.UnsupportedFacts(prompt, "The scarf is green and the hat is black."));
        Assert.Equal(["black"], family.UnsupportedFacts(prompt, "The scarf is black."));
        Assert.Equal(["red"], family.UnsupportedFacts(prompt, "The scarf is red."));
        Assert.Equal(["Anna", "kite"], family.UnsupportedFacts(prompt, "Anna has a kite.").Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("sum")]
    [InlineData("question")]
    public void Steps_WithTheAnswerBehindThem_AreJudgedLikeTheAnswer(string name)
    {
        var family = (IWorkedFamily)TaskFamilyRegistry.Find(name);
        var random = new Philox(5);
        for (var i = 0; i < 100; i++)
        {
            var prompt = family.CreatePrompt(random);
            var answer = family.CreateAnswer(prompt, random, quality: 1);
            var worked = ChainOfThought.Answer(family.Steps(prompt), answer);
            Assert.Equal(answer, ChainOfThought.Extract(worked));
            Assert.True(family.Score(prompt, ChainOfThought.Extract(worked)).Passed);
        }
    }

    [Fact]
    public void Draw_DifferentPromptsOfOneSideOfTheSplit()
    {
        var family = TaskFamilyRegistry.Find("question");
        var heldOut = TaskPromptSet.Draw(family, 20, heldOut: true, seed: 1);
        Assert.Equal(20, heldOut.Select(p => p.Text).Distinct().Count());
        Assert.All(heldOut, p => Assert.True(PromptSplit.IsHeldOut(p.Text)));
        Assert.All(TaskPromptSet.Draw(family, 20, heldOut: false, seed: 1), p => Assert.False(PromptSplit.IsHeldOut(p.Text)));

        // A family that runs out of prompts gives what it has.
        var few = TaskPromptSet.Draw(TaskFamilyRegistry.Find("list"), 100_000, heldOut: true, seed: 1);
        Assert.InRange(few.Count, 1, 99_999);
    }
}
