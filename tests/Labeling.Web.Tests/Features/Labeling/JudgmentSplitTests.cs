using Labeling.Web.Features.Labeling;
using Rlhf.Contracts.Labeling;

namespace Labeling.Web.Tests.Features.Labeling;

public sealed class JudgmentSplitTests
{
    [Theory]
    [InlineData(0.0, Splits.Train)]
    [InlineData(1.0, Splits.HeldOut)]
    public void Of_ExtremeFraction_PutsEverythingOnOneSide(double fraction, string expected)
    {
        for (var i = 0; i < 100; i++)
        {
            Assert.Equal(expected, JudgmentSplit.Of($"{i}", fraction));
        }
    }

    [Fact]
    public void Of_SamePrompt_IsAlwaysTheSame()
    {
        // SHA-256 of "judgment/00" begins with 669df9bd: 0x669d / 65536 = 0.4008, so the prompt is held out from a fraction of 0.41 on.
        Assert.Equal(Splits.Train, JudgmentSplit.Of("00", 0.4));
        Assert.Equal(Splits.HeldOut, JudgmentSplit.Of("00", 0.41));
    }

    // 4000 prompts at 0.2: mean 800, standard deviation sqrt(4000 · 0.2 · 0.8) = 25.3; the bounds are six of them away.
    [Fact]
    public void Of_ManyPrompts_HoldsOutTheFraction()
    {
        var heldOut = Enumerable.Range(0, 4000).Count(i => JudgmentSplit.Of($"{i}", 0.2) == Splits.HeldOut);
        Assert.InRange(heldOut, 648, 952);
    }
}
