using Rlhf.Cli.AllInOne;
using Rlhf.Contracts.Labeling;
using Rlhf.TaskFamilies;
using Rlhf.Training.Hyperparameters;
using RewardModel.Service.Training;
using Trainer.Service.Algorithms.Ppo;
using Trainer.Service.Sampling;

namespace Cli.Tests.AllInOne;

public sealed class CycleSettingsTests
{
    [Fact]
    public void Validate_EverythingWrong_ListsEveryFault() =>
        Assert.Equal(4, new CycleSettings(0, 0, 0).Validate(seeds: 0).Count);

    [Fact]
    public void Validate_Defaults_HasNoFault() => Assert.Empty(CycleSettings.Default.Validate(seeds: 3));

    [Fact]
    public void Projects_ConfigurationsAreUsable()
    {
        foreach (var project in (Rlhf.Data.Entities.Project[])[DemoProjects.Interactive().Project, DemoProjects.Simulated(1, CycleSettings.Default).Project])
        {
            HyperparametersJson.Read<RewardModelConfig>(project.RewardConfigJson);
            HyperparametersJson.Read<PpoConfig>(project.PpoConfigJson);
            HyperparametersJson.Read<SamplingConfig>(project.SamplingConfigJson);
        }
    }

    // The verdict is only worth something on prompts that neither pretraining nor the project has seen.
    [Fact]
    public void Simulated_VerdictPrompts_AreHeldOutFromEverything()
    {
        var (_, prompts, verdict) = DemoProjects.Simulated(3, CycleSettings.Default);
        var trained = prompts.Select(p => p.Prompt.Text).ToHashSet();
        Assert.All(verdict, p => Assert.True(PromptSplit.IsHeldOut(p.Text)));
        Assert.DoesNotContain(verdict, p => trained.Contains(p.Text));
        Assert.All(prompts, p => Assert.Equal(Splits.Train, p.Split));
    }

    [Fact]
    public void Simulated_OtherSeed_HasOtherPrompts() =>
        Assert.NotEqual(
            DemoProjects.Simulated(1, CycleSettings.Default).Verdict.Select(p => p.Text),
            DemoProjects.Simulated(2, CycleSettings.Default).Verdict.Select(p => p.Text));
}
