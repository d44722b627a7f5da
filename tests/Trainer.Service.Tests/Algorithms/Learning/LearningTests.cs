using Rlhf.Bench.Learning;
using Rlhf.Bench.Learning.Tasks;

namespace Trainer.Service.Tests.Algorithms.Learning;

/// <summary>Every method learns: the runs of bench/LearningBench, small and with one seed.</summary>
public sealed class LearningTests
{
    private static readonly LearningSize Small = new(Width: 48, Walks: 600, StartSteps: 150, Steps: 120, Updates: 25, BatchSize: 32, Points: 1);

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
    public void Train_RandomWalks_FindsShorterPathsThanRandomOnes(string method)
    {
        var curve = new LearningRun(Walks, Small, seed: 1).Train(method);

        var (start, end, random) = (curve[0].Score, curve[^1].Score, Walks.Baseline());
        Assert.True(end > random + 0.15 && end > start + 0.1, $"{method}: optimality went from {start:f3} to {end:f3}; random walks have {random:f3}");
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
        // 8, 0 goes up by 2: 2, 4, 6, and EOS.
        ILearningTask task = new DigitCompletion();

        Assert.Equal(1, task.Score([10, 2], [4, 6, 8, ILearningTask.Eos]));
        Assert.Equal(0.5, task.Score([10, 2], [4, 6, 9]));
        Assert.InRange(task.Baseline(), 0.30, 0.35);
    }
}
