using Rlhf.Modeling.Transformer;
using Rlhf.Training.Hyperparameters;
using Trainer.Service.Algorithms.Common;
using TorchSharp;

namespace Trainer.Service.Algorithms.Online;

/// <summary>
/// Rejection-sampling fine-tuning: of several responses the best is kept and fine-tuned on (Dong et al. 2023, RAFT; with a threshold as in Gulcehre
/// et al. 2023, ReST).
/// </summary>
public sealed class RaftTrainer : OnlineTrainer<RaftConfig>
{
    /// <summary>Checks everything that can be checked before the first rollout.</summary>
    /// <param name="config">The hyperparameters.</param>
    /// <param name="policy">The starting policy; trained in place. A resumed run is given the same one again.</param>
    /// <param name="prompts">The tokens of the training prompts.</param>
    /// <param name="score">Scores the responses.</param>
    /// <exception cref="HyperparametersException">If the configuration has faults, or prompt and response do not fit the model.</exception>
    public RaftTrainer(RaftConfig config, CausalLanguageModel policy, IReadOnlyList<int[]> prompts, ScoreResponses score)
        : base(config, policy, prompts, score)
    {
    }

    private protected override int[] Keep(Samples samples) =>
        [.. Enumerable.Range(0, samples.Rewards.Length).Chunk(Config.NumGenerations)
            .Select(group => group.MaxBy(row => samples.Rewards[row]))
            .Where(best => Config.RewardThreshold is not { } threshold || samples.Rewards[best] >= threshold)];

    private protected override torch.Tensor Advantages(Rollout rollout) => torch.ones_like(rollout.Mask_BT);

    private protected override torch.Tensor Weights(torch.Tensor mask_BT) => PolicyGradientLoss.Weights(mask_BT, GrpoLossType.Dapo, Config.MaxNewTokens);

    private protected override PolicyGradientResult Loss(
        torch.Tensor logprobs_BT,
        torch.Tensor oldLogprobs_BT,
        torch.Tensor? refLogprobs_BT,
        torch.Tensor advantages_BT,
        torch.Tensor mask_BT,
        torch.Tensor weights_BT) => PolicyGradientLoss.NegativeLogLikelihood(logprobs_BT, oldLogprobs_BT, mask_BT, weights_BT);
}
