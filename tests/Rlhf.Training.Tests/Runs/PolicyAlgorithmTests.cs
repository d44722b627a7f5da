using Rlhf.Contracts.Training;
using Rlhf.Training.Hyperparameters;
using Rlhf.Training.Runs;

namespace Rlhf.Training.Tests.Runs;

public sealed class PolicyAlgorithmTests
{
    [Theory]
    [InlineData("""{"updates": 3}""", RunKinds.Ppo, """{"updates": 3}""")]
    [InlineData("""{"algorithm": "ppo", "updates": 3}""", RunKinds.Ppo, """{"updates":3}""")]
    [InlineData("""{"beta": 0.2, "algorithm": "dpo"}""", RunKinds.Dpo, """{"beta":0.2}""")]
    public void Split_TheKeyAlgorithm_IsTheKindAndNoHyperparameter(string config, string kind, string hyperparameters)
    {
        Assert.Equal((kind, hyperparameters), PolicyAlgorithm.Split(config));
        Assert.Equal(kind, PolicyAlgorithm.KindOf(config));
        Assert.Equal(hyperparameters, PolicyAlgorithm.HyperparametersOf(config));
    }

    [Theory]
    [InlineData("""{"algorithm": "sft"}""", "one of ppo, grpo")]
    [InlineData("""{"algorithm": 3}""", "algorithm is 3")]
    [InlineData("[]", "JSON object")]
    [InlineData("{", "not JSON")]
    public void Split_FaultyConfiguration_IsRefusedAndOtherwiseTakenForPpo(string config, string message)
    {
        Assert.Contains(message, Assert.Throws<HyperparametersException>(() => PolicyAlgorithm.Split(config)).Message, StringComparison.Ordinal);
        Assert.Equal(RunKinds.Ppo, PolicyAlgorithm.KindOf(config));
        Assert.Equal(config, PolicyAlgorithm.HyperparametersOf(config));
    }
}
