using Rlhf.Modeling.Transformer;
using Rlhf.Training.Hyperparameters;
using Trainer.Service.Algorithms.Common;
using TorchSharp;
using static TorchSharp.torch;

namespace Trainer.Service.Algorithms.Online;

/// <summary>REINFORCE++ (Hu 2025) and ReMax (Li et al. 2023): returns of tokens with a KL penalty each, against a baseline that needs no critic.</summary>
public sealed class ReinforceTrainer : OnlineTrainer<ReinforceConfig>
{
    /// <summary>Checks everything that can be checked before the first rollout.</summary>
    /// <param name="config">The hyperparameters.</param>
    /// <param name="policy">The starting policy; trained in place. A resumed run is given the same one again.</param>
    /// <param name="prompts">The tokens of the training prompts.</param>
    /// <param name="score">Scores the responses.</param>
    /// <exception cref="HyperparametersException">If the configuration has faults, or prompt and response do not fit the model.</exception>
    public ReinforceTrainer(ReinforceConfig config, CausalLanguageModel policy, IReadOnlyList<int[]> prompts, ScoreResponses score)
        : base(config, policy, prompts, score)
    {
    }

    private protected override bool UsesGreedyBaseline => Config.Baseline == ReinforceBaseline.Greedy;

    private protected override Tensor Advantages(Rollout rollout)
    {
        var rewards_B = tensor(rollout.Samples.Rewards);
        rewards_B = Config.Baseline switch
        {
            ReinforceBaseline.Greedy => rewards_B - tensor(rollout.Samples.Baselines),
            ReinforceBaseline.Group => GroupAdvantages.Grpo(rewards_B.reshape(-1, Config.NumGenerations), ScaleRewards.None).reshape(-1),
            _ => rewards_B,
        };

        // The score comes with the last token and a penalty with each; the return of a token is the sum from it on (γ = 1).
        var returns_BT = rewards_B.unsqueeze(1).expand_as(rollout.Mask_BT);
        if (rollout.RefLogprobs_BT is { } reference_BT)
        {
            var penalty_BT = (rollout.Logprobs_BT - reference_BT) * rollout.Mask_BT * -Config.Beta;
            returns_BT = returns_BT + penalty_BT + penalty_BT.sum(1, keepdim: true) - penalty_BT.cumsum(1);
        }

        return Config.Baseline == ReinforceBaseline.Greedy
            ? returns_BT
            : Whitening.Apply(returns_BT, rollout.Mask_BT);
    }

    private protected override Tensor Weights(Tensor mask_BT) => PolicyGradientLoss.Weights(mask_BT, GrpoLossType.Dapo, Config.MaxNewTokens);

    private protected override PolicyGradientResult Loss(
        Tensor logprobs_BT, Tensor oldLogprobs_BT, Tensor? refLogprobs_BT, Tensor advantages_BT, Tensor mask_BT, Tensor weights_BT) =>
        PolicyGradientLoss.Clipped(logprobs_BT, oldLogprobs_BT, advantages_BT, mask_BT, weights_BT, Config.Epsilon);
}
