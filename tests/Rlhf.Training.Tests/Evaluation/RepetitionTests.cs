using Rlhf.Numerics;
using Rlhf.Training.Evaluation;

namespace Rlhf.Training.Tests.Evaluation;

public sealed class RepetitionTests
{
    [Fact]
    public void Distinct_TwoTexts_AsByHand()
    {
        // Unigrams 1 2 1 2 and 1: 2 of 5. Bigrams 12 21 12: 2 of 3.
        Assert.Equal(0.4, Repetition.Distinct([[1, 2, 1, 2], [1]], 1), 12);
        Assert.Equal(2.0 / 3, Repetition.Distinct([[1, 2, 1, 2], [1]], 2), 12);
        Assert.True(double.IsNaN(Repetition.Distinct([[1]], 2)));
    }

    [Fact]
    public void SequenceRepetition_MeanOverTextsLongEnough()
    {
        // 12 21 12: 1 − 2/3; 12 23: 0; the third has no bigram.
        var (value, count) = Repetition.SequenceRepetition([[1, 2, 1, 2], [1, 2, 3], [1]], 2, new Philox(1), 200)!.Value;
        Assert.Equal(1.0 / 6, value.Value, 12);
        Assert.Equal(2, count);
        Assert.Null(Repetition.SequenceRepetition([[1]], 2, new Philox(1), 200));
    }
}
