using Rlhf.Modeling.Generation;

namespace Rlhf.Modeling.Tests.Generation;

public sealed class LogitsProcessorsTests
{
    [Fact]
    public void Apply_RepetitionPenalty_DividesPositiveAndMultipliesNegativeOnce() =>
        AssertScores([1f, -4f, 3f, -2f], new SamplingParameters { RepetitionPenalty = 2 }, [2f, -2f, 3f, -2f], [0, 1, 1, 0]);

    [Fact]
    public void Apply_PresenceAndFrequencyPenalty_CountTheTextWithoutThePrompt() =>
        AssertScores(
            [1f, 1f - 0.5f - (2 * 0.25f), 1f - 0.5f - 0.25f, 1f],
            new SamplingParameters { PresencePenalty = 0.5, FrequencyPenalty = 0.25 },
            [1f, 1f, 1f, 1f],
            [0, 3, 1, 2, 1]);

    [Fact]
    public void Apply_LogitBias_ComesBeforeThePenalty()
    {
        // −1 + 3 = 2 is positive, so it is divided.
        var parameters = new SamplingParameters { RepetitionPenalty = 2, LogitBias = new Dictionary<int, float> { [0] = 3, [2] = float.NegativeInfinity } };
        AssertScores([1f, 0f, float.NegativeInfinity, 0f], parameters, [-1f, 0f, 5f, 0f], [0, 0]);
    }

    [Theory]
    [InlineData(1, new[] { 0, 1 })]
    [InlineData(2, new[] { 1 })]
    [InlineData(3, new[] { 1 })]
    [InlineData(4, new int[0])]
    [InlineData(9, new int[0])]
    public void Apply_NoRepeatNgram_ForbidsWhatFollowedTheSameWords(int size, int[] forbidden)
    {
        // 1 0 1 0: every word is known (size 1); 0 was followed by 1 (size 2), 1 0 by 1 (size 3), 0 1 0 by nothing yet.
        int[] ids = [1, 0, 1, 0];
        var scores = new float[4];
        new LogitsProcessors(4).Apply(scores, new SamplingParameters { NoRepeatNgramSize = size }, ids, 2, []);
        Assert.Equal(forbidden, Enumerable.Range(0, 4).Where(id => float.IsNegativeInfinity(scores[id])));
    }

    [Fact]
    public void Apply_MinNewTokens_HoldsTheEndBack()
    {
        var parameters = new SamplingParameters { MinNewTokens = 2 };
        AssertScores([0f, float.NegativeInfinity, 0f, 0f], parameters, new float[4], [0, 0, 3]);
        AssertScores(new float[4], parameters, new float[4], [0, 0, 3, 3]);
    }

    [Fact]
    public void AreIdle_OnlyWithoutAnyProcessor()
    {
        Assert.True(LogitsProcessors.AreIdle(new SamplingParameters { TopK = 5, TopP = 0.5 }, 0));
        Assert.True(LogitsProcessors.AreIdle(new SamplingParameters { MinNewTokens = 3 }, 3));
        Assert.All<SamplingParameters>(
            [
                new() { MinNewTokens = 3 }, new() { RepetitionPenalty = 1.1 }, new() { PresencePenalty = 0.1 }, new() { FrequencyPenalty = -0.1 },
                new() { NoRepeatNgramSize = 2 }, new() { LogitBias = new Dictionary<int, float> { [1] = 1 } },
            ],
            parameters => Assert.False(LogitsProcessors.AreIdle(parameters, 2)));
    }

    private static void AssertScores(float[] expected, SamplingParameters parameters, float[] scores, int[] ids)
    {
        new LogitsProcessors(scores.Length).Apply(scores, parameters, ids, promptLength: 2, endIds: [1]);
        Assert.Equal(expected, scores);
    }
}
