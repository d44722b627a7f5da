using Rlhf.Bench.Learning;
using Rlhf.Bench.Learning.Tasks;
using Rlhf.Numerics;

namespace Trainer.Service.Tests.Algorithms.Learning;

/// <summary>Every method learns: the runs of bench/LearningBench, small and with one seed.</summary>
public sealed class LearningTests
{
    private static readonly LearningSize Small = new(Width: 48, Responses: 600, StartSteps: 150, Steps: 120, Updates: 25, BatchSize: 32, Points: 1);

    /// <summary>A smaller graph than the bench's.</summary>
    private static readonly ILearningTask Walks = new RandomWalks(nodes: 10, edge: 0.2, maxLength: 8);

    [Theory]
    [InlineData("sft")]
    [InlineData("dpo")]
    [InlineData("kto")]
    [InlineData("orpo")]
    [InlineData("simpo")]
    [InlineData("ppo")]
    [InlineData("grpo")]
    [InlineData("rloo")]
    [InlineData("reinforce")]
    [InlineData("raft")]
    [InlineData("online-dpo")]
    [InlineData("distill")]
    [InlineData("best-of-n")]
    public void Train_RandomWalks_FindsShorterPathsThanRandomOnes(string method)
    {
        var curve = new LearningRun(Walks, Small, seed: 1).Train(method);

        var (start, end, random) = (curve[0].Score, curve[^1].Score, Walks.Baseline());
        Assert.True(end > random + 0.15 && end > start + 0.1, $"{method}: optimality went from {start:f3} to {end:f3}; random walks have {random:f3}");
    }

    [Fact]
    public void Train_RewardModel_IsRightOnMostPairsThatItNeverSaw()
    {
        var curve = new LearningRun(Walks, Small, seed: 1).Train("reward");

        Assert.True(curve[^1].Score > 0.8, $"accuracy on held-out pairs went from {curve[0].Score:f3} to {curve[^1].Score:f3}; a coin has 0.5");
    }

    [Fact]
    public void RandomWalks_Scores_AreTheHandCalculated()
    {
        // All edges between 3 nodes: from node 1 (token 3) the goal (token 2) is one step away, 2 nodes of at most 4.
        var task = new RandomWalks(nodes: 3, edge: 1, maxLength: 4);

        Assert.Equal(1, task.Score([3], [2, ILearningTask.Eos]));
        Assert.Equal(0.5, task.Score([3], [4, 2, ILearningTask.Eos]));
        Assert.Equal(0, task.Score([3], [4, 3, 2]));
        Assert.Equal(0, task.Score([3], [3, 2]));
        Assert.Equal(0, task.Score([3], [4, ILearningTask.Eos]));
    }

    [Fact]
    public void DigitCompletion_Scores_AreTheHandCalculated()
    {
        // After 8 come 9, 0, 1 and EOS.
        ILearningTask task = new DigitCompletion();

        Assert.Equal(1, task.Score([10], [11, 2, 3, ILearningTask.Eos]));
        Assert.Equal(0.5, task.Score([10], [11, 2, 9]));

        // (1/3 + 1/9 + 1/27 + 1) / 4 = 0.370; the mean of 2,000 responses has a standard deviation of 0.004.
        Assert.InRange(task.Baseline(), 0.355, 0.385);
    }

    [Fact]
    public void OppositeSentences_Responses_AreTheFamilysTexts()
    {
        var task = new OppositeSentences();
        var random = new Philox(1);
        var prompt = task.Prompts[0];
        var scores = Enumerable.Range(0, 500).Select(_ => task.Score(prompt, task.Random(prompt, random))).ToArray();

        // One in ten is right, and the checker knows it; the others are mistakes of the family's authors.
        Assert.InRange(scores.Count(score => score == 1), 20, 100);
        Assert.InRange(scores.Average(), 0.2, 0.5);
        Assert.Equal(0, task.Score(prompt, [ILearningTask.Eos]));

        // What follows EOS does not count, and words become the text that the family wrote.
        var good = Enumerable.Range(0, 500).Select(_ => task.Random(prompt, random)).First(response => task.Score(prompt, response) == 1);
        Assert.Equal(1, task.Score(prompt, [.. good, good[0], good[0]]));
        Assert.Matches(@"^The opposite of \w+ is \w+\. [A-Z][\w ]+\.$", task.Text(good));
    }
}
