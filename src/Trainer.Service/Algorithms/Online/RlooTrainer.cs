using Rlhf.Modeling.Transformer;
using Rlhf.Training.Hyperparameters;
using Trainer.Service.Algorithms.Common;
using TorchSharp;
using static TorchSharp.torch;

namespace Trainer.Service.Algorithms.Online;

/// <summary>REINFORCE leave-one-out (Ahmadian et al. 2024): the whole response is one action, its baseline the mean reward of the others.</summary>
public sealed class RlooTrainer : OnlineTrainer<RlooConfig>
{
    /// <summary>Checks everything that can be checked before the first rollout.</summary>
    /// <param name="config">The hyperparameters.</param>
    /// <param name="policy">The starting policy; trained in place. A resumed run is given the same one again.</param>
    /// <param name="prompts">The tokens of the training prompts.</param>
    /// <param name="score">Scores the responses.</param>
    /// <exception cref="HyperparametersException">If the configuration has faults, or prompt and response do not fit the model.</exception>
    public RlooTrainer(RlooConfig config, CausalLanguageModel policy, IReadOnlyList<int[]> prompts, ScoreResponses score)
        : base(config, policy, prompts, score)
    {
    }

    private protected override Tensor Advantages(Rollout rollout)
    {
        // The penalty is part of the response's reward: r − β·(log π − log π_ref).
        var rewards_B = tensor(rollout.Samples.Rewards);
        if (rollout.RefLogprobs_BT is { } reference_BT)
        {
            rewards_B = rewards_B - (Config.Beta * (rollout.Logprobs_BT - reference_BT).sum(1));
        }

        var advantages_GK = GroupAdvantages.LeaveOneOut(rewards_B.reshape(-1, Config.NumGenerations));
        return (Config.NormalizeAdvantages ? GroupAdvantages.Normalise(advantages_GK) : advantages_GK).reshape(-1, 1).expand_as(rollout.Mask_BT);
    }

    private protected override Tensor Weights(Tensor mask_BT) => PolicyGradientLoss.Weights(mask_BT, GrpoLossType.Grpo, Config.MaxNewTokens);

    private protected override PolicyGradientResult Loss(
        Tensor logprobs_BT, Tensor oldLogprobs_BT, Tensor? refLogprobs_BT, Tensor advantages_BT, Tensor mask_BT, Tensor weights_BT) =>
        PolicyGradientLoss.Rloo(logprobs_BT, oldLogprobs_BT, advantages_BT, mask_BT, weights_BT, Config.Epsilon);
}
