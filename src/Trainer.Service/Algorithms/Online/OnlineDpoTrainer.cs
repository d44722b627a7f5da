// P pairs, B = 2·P responses, T response columns.
using Rlhf.Modeling.Transformer;
using Rlhf.Training.Hyperparameters;
using Rlhf.Training.Metrics;
using Trainer.Service.Algorithms.Common;
using TorchSharp;
using static TorchSharp.torch;

namespace Trainer.Service.Algorithms.Online;

/// <summary>
/// Online DPO (Guo et al. 2024, "Direct language model alignment from online AI feedback"): the best and the worst of a prompt's responses are a
/// preference pair for a DPO step.
/// </summary>
public sealed class OnlineDpoTrainer : OnlineTrainer<OnlineDpoConfig>
{
    /// <summary>Checks everything that can be checked before the first rollout.</summary>
    /// <param name="config">The hyperparameters.</param>
    /// <param name="policy">The starting policy, which is also the reference; trained in place. A resumed run is given the same one again.</param>
    /// <param name="prompts">The tokens of the training prompts.</param>
    /// <param name="score">Ranks the responses.</param>
    /// <exception cref="HyperparametersException">If the configuration has faults, or prompt and response do not fit the model.</exception>
    public OnlineDpoTrainer(OnlineDpoConfig config, CausalLanguageModel policy, IReadOnlyList<int[]> prompts, ScoreResponses score)
        : base(config, policy, prompts, score)
    {
    }

    private protected override int RowsTogether => 2;

    // Chosen and rejected, pair after pair; responses that are as good as each other are no pair.
    private protected override int[] Keep(Samples samples) =>
        [.. Enumerable.Range(0, samples.Rewards.Length).Chunk(Config.NumGenerations)
            .Select(group => (Best: group.MaxBy(row => samples.Rewards[row]), Worst: group.MinBy(row => samples.Rewards[row])))
            .Where(pair => samples.Rewards[pair.Best] > samples.Rewards[pair.Worst])
            .SelectMany(pair => new[] { pair.Best, pair.Worst })];

    private protected override Tensor Advantages(Rollout rollout) => ones_like(rollout.Mask_BT);

    // Every pair counts the same; its weight stands in each of its cells.
    private protected override Tensor Weights(Tensor mask_BT) => full_like(mask_BT, 2.0 / mask_BT.shape[0]);

    private protected override PolicyGradientResult Loss(
        Tensor logprobs_BT, Tensor oldLogprobs_BT, Tensor? refLogprobs_BT, Tensor advantages_BT, Tensor mask_BT, Tensor weights_BT) =>
        PolicyGradientLoss.Dpo(logprobs_BT, oldLogprobs_BT, refLogprobs_BT!, mask_BT, weights_BT, Config);

    private protected override void AddMetrics(Rollout rollout, Dictionary<string, double> metrics)
    {
        var rewards_P2 = ((rollout.Logprobs_BT - rollout.RefLogprobs_BT!) * rollout.Mask_BT).sum(1).reshape(-1, 2) * Config.Beta;
        var (chosen_P, rejected_P) = (rewards_P2.select(1, 0), rewards_P2.select(1, 1));
        metrics[MetricNames.ChosenRewards] = chosen_P.mean().item<float>();
        metrics[MetricNames.RejectedRewards] = rejected_P.mean().item<float>();
        metrics[MetricNames.RewardMargins] = (chosen_P - rejected_P).mean().item<float>();
        metrics[MetricNames.RewardAccuracies] = chosen_P.gt(rejected_P).to_type(float32).mean().item<float>();
    }
}
