using Trainer.Service.Algorithms.Preference;

namespace Trainer.Service.Tests.Algorithms.Preference;

public sealed class PreferenceGuardsTests
{
    // From −20 nats: a fall of more than a tenth, 2 nats, is said; from −5 one of more than a nat.
    [Theory]
    [InlineData(-20, -22.1, true)]
    [InlineData(-20, -21.9, false)]
    [InlineData(-20, -10, false)]
    [InlineData(-5, -6.1, true)]
    [InlineData(-5, -5.9, false)]
    public void WarnOfFallingChosen_FallOfATenthOrANat_IsSaidWithItsCure(double first, double now, bool falls)
    {
        var warnings = new List<string>();

        Assert.Equal(falls, PreferenceGuards.WarnOfFallingChosen(first, now, step: 7, warnings.Add));

        Assert.Equal(falls ? 1 : 0, warnings.Count);
        Assert.All(warnings, w => Assert.Contains("At step 7 the mean log-probability of the chosen completions", w, StringComparison.Ordinal));
    }
}
