using Rlhf.Training.Hyperparameters;
using Rlhf.Training.Optimization;
using Trainer.Service.Algorithms.Common;
using Trainer.Service.Algorithms.Ppo;

namespace Trainer.Service.Tests.Algorithms.Ppo;

public sealed class PpoConfigTests
{
    [Fact]
    public void Defaults_Validate_HaveNoFault() => Assert.Empty(new PpoConfig().Validate());

    [Fact]
    public void Json_WrittenAndRead_IsTheSameRecord()
    {
        var config = new PpoConfig
        {
            Seed = ulong.MaxValue,
            Mode = PpoMode.Trl,
            KlEstimator = KlEstimator.K3,
            KlTarget = 6,
            AdamEpsilonStyle = AdamEpsilonStyle.Tensorflow,
            LearningRate = 1.0 / 3,
        };

        Assert.Equal(config, HyperparametersJson.Read<PpoConfig>(HyperparametersJson.Write(config)));
    }

    [Fact]
    public void Json_SeveralFaults_AreAllListedAtOnce()
    {
        var exception = Assert.Throws<HyperparametersException>(() => HyperparametersJson.Read<PpoConfig>(
            """{"learning_rte": 1, "epochs": "four", "mode": "deepspeed", "batch_size": 10, "minibatch_count": 3, "gamma": 2}"""));

        Assert.Equal(5, exception.Faults.Count);
        Assert.Contains(exception.Faults, f => f.StartsWith("learning_rte is unknown", StringComparison.Ordinal));
        Assert.Contains(exception.Faults, f => f == "epochs is \"four\"; it must be a whole number.");
        Assert.Contains(exception.Faults, f => f == "mode is \"deepspeed\"; it must be one of \"n_plus\", \"trl\", \"trl_v0\".");
        Assert.Contains(exception.Faults, f => f.StartsWith("minibatch_count is 3", StringComparison.Ordinal));
        Assert.Contains(exception.Faults, f => f.StartsWith("gamma is 2", StringComparison.Ordinal));
    }
}
