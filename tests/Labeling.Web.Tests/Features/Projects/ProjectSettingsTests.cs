using Labeling.Web.Features.Projects;

namespace Labeling.Web.Tests.Features.Projects;

public sealed class ProjectSettingsTests
{
    [Fact]
    public void Validate_Sensible_FindsNothing() => Assert.Empty(Sensible().Validate());

    [Fact]
    public void Validate_EverythingWrong_ListsEveryFault()
    {
        var errors = new ProjectSettings
        {
            JudgmentsPerCycle = 0,
            JudgmentsPerTask = 51,
            PromptsPerCycle = -1,
            HeldOutFraction = double.NaN,
            RewardAccuracyGate = 1.5,
            KlBudget = 0,
            HeldOutScoreGate = double.NaN,
            Guidelines = new string('x', 20_001),
            RewardConfigJson = "{",
            PpoConfigJson = "[]",
            SamplingConfigJson = "",
        }.Validate();

        Assert.Collection(
            errors,
            e => Assert.Equal("Judgments per cycle is 0; it must be from 1 to 1000000.", e),
            e => Assert.StartsWith("Judgments per comparison is 51;", e, StringComparison.Ordinal),
            e => Assert.StartsWith("Prompts per cycle is -1;", e, StringComparison.Ordinal),
            e => Assert.StartsWith("Held-out fraction is NaN;", e, StringComparison.Ordinal),
            e => Assert.Equal("Reward accuracy gate is 1.5; it must be from 0 to 1.", e),
            e => Assert.StartsWith("KL budget is 0; it must be above 0", e, StringComparison.Ordinal),
            e => Assert.StartsWith("Held-out score gate is NaN;", e, StringComparison.Ordinal),
            e => Assert.StartsWith("Guidelines have 20001 characters", e, StringComparison.Ordinal),
            e => Assert.StartsWith("Reward model configuration is no valid JSON (line 1", e, StringComparison.Ordinal),
            e => Assert.StartsWith("PPO configuration must be a JSON object", e, StringComparison.Ordinal),
            e => Assert.StartsWith("Sampling configuration is no valid JSON", e, StringComparison.Ordinal));
    }

    private static ProjectSettings Sensible() => new()
    {
        JudgmentsPerCycle = 12, JudgmentsPerTask = 1, PromptsPerCycle = 16, HeldOutFraction = 0.2, RewardAccuracyGate = 0.6,
    };
}
