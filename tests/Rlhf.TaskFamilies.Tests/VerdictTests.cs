namespace Rlhf.TaskFamilies.Tests;

/// <summary>Verdicts worked out by hand from the tables in docs/guides/task-families.md.</summary>
public sealed class VerdictTests
{
    private static readonly TaskPrompt Story = new(
        "story", "Write a short story about a rabbit named Tom. Use the word river.", """{"name":"Tom","animal":"rabbit","word":"river"}""");

    private static readonly TaskPrompt Colour = new(
        "question", "Anna has a red hat and a blue bag. What colour is the bag?",
        """{"kind":"colour","asked":"bag","answer":"blue","other":"red","verb":"found"}""");

    private static readonly TaskPrompt List = new("list", "Name three animals.", """{"category":"animals","count":3}""");

    private static readonly TaskPrompt Sum = new(
        "sum", "Tom has two apples and gets three more. How many apples does Tom have now?",
        """{"name":"Tom","items":"apples","first":2,"second":3,"add":true}""");

    [Theory]
    // No river: 1 − 0.25.
    [InlineData("Tom was a little rabbit who lived by the sea. One day, he went to the lake with his friend Anna. They played and sang until the sun went down.", 0.75)]
    // One sentence: (1 − 1)/2 of 0.2 is lost, and the river: 1 − 0.2 − 0.25.
    [InlineData("Tom was a little rabbit who lived by the sea.", 0.55)]
    // The hero is called Ben: 1 − 0.2.
    [InlineData("Ben was a little rabbit who lived by the sea. One day, he went to the river with his friend Anna. They played and sang until the sun went down.", 0.8)]
    // Broken off: 1 − 0.15.
    [InlineData("Tom was a little rabbit who lived by the sea. One day, he went to the river with his friend Anna. They played and sang until the sun went", 0.85)]
    // Rude: all met, times 0.3.
    [InlineData("Tom was a little rabbit who lived by the sea. One day, he went to the river with his friend Anna. They played and sang until the sun went down. Go away.", 0.3)]
    public void Story_ByHand(string answer, double expected) => Assert.InRange(TaskFamilyRegistry.Score(Story, answer).Value, expected - 0.03, expected + 0.001);

    [Theory]
    [InlineData("The bag is blue.", 1)]
    // Wrong colour: only the thing and the sentence, 0.15 + 0.15.
    [InlineData("The bag is red.", 0.3)]
    // 0.5 + 0.2, neither thing nor sentence.
    [InlineData("Blue.", 0.7)]
    // Said twice: one distinct sentence of two, squared.
    [InlineData("The bag is blue. The bag is blue.", 0.12)]
    public void Question_ByHand(string answer, double expected) => Assert.InRange(TaskFamilyRegistry.Score(Colour, answer).Value, expected - 0.13, expected + 0.001);

    [Theory]
    [InlineData("Three animals are a cat, a dog, and a cow.", 1)]
    // Two of three: right-count is 1 − 2·1/3 = 1/3 of 0.45, so 1 − 0.3.
    [InlineData("Three animals are a cat and a dog.", 0.7)]
    // Cat twice: 1 − 0.3 − 0.15.
    [InlineData("Three animals are a cat, a dog, and a cat.", 0.55)]
    // Two animals and a spoon: 1 − 0.3 and of the category 1 − 2·1/3, so a further 0.25·2/3 = 0.1667.
    [InlineData("Three animals are a cat, a dog, and a spoon.", 0.5333)]
    public void List_ByHand(string answer, double expected) => Assert.Equal(expected, TaskFamilyRegistry.Score(List, answer).Value, 0.001);

    [Theory]
    [InlineData("Tom has five apples now.", 1)]
    // Wrong: neither the result (0.5) nor free of stray numbers (0.1).
    [InlineData("Tom has six apples now.", 0.4)]
    // The given number as result is no stray: 1 − 0.5.
    [InlineData("Tom has two apples now.", 0.5)]
    // The numbers on the way are no strays.
    [InlineData("Two and three make five, so Tom has five apples.", 1)]
    // Digits count as numbers; the reference sample has no digits, so two of the six neighbours are new: (4/6 − 0.5)/0.3 of
    // the fluency, and the digit itself is no word of the vocabulary: four of five are known, (0.8 − 0.5)/0.5.
    [InlineData("Tom has 5 apples now.", 0.5556 * 0.6)]
    public void Sum_ByHand(string answer, double expected) => Assert.Equal(expected, TaskFamilyRegistry.Score(Sum, answer).Value, 0.001);

    [Fact]
    public void Question_WrongLanguage_IsZero() => Assert.Equal(0, TaskFamilyRegistry.Score(Colour, "书包是蓝色的。").Value);
}
