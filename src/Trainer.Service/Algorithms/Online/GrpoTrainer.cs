using Rlhf.Modeling.Transformer;
using Rlhf.Training.Hyperparameters;
using Trainer.Service.Algorithms.Common;
using TorchSharp;
using static TorchSharp.torch;

namespace Trainer.Service.Algorithms.Online;

/// <summary>Group relative policy optimisation (Shao et al. 2024), with the variants of Dr. GRPO, DAPO, GSPO and CISPO.</summary>
public sealed class GrpoTrainer : OnlineTrainer<GrpoConfig>
{
    /// <summary>Checks everything that can be checked before the first rollout.</summary>
    /// <param name="config">The hyperparameters.</param>
    /// <param name="policy">The starting policy; trained in place. A resumed run is given the same one again.</param>
    /// <param name="prompts">The tokens of the training prompts.</param>
    /// <param name="score">Scores the responses.</param>
    /// <exception cref="HyperparametersException">If the configuration has faults, or prompt and response do not fit the model.</exception>
    public GrpoTrainer(GrpoConfig config, CausalLanguageModel policy, IReadOnlyList<int[]> prompts, ScoreResponses score)
        : base(config, policy, prompts, score)
    {
    }

    private protected override Tensor Advantages(Rollout rollout)
    {
        var rewards_GK = tensor(rollout.Samples.Rewards).reshape(-1, Config.NumGenerations);
        return GroupAdvantages.Grpo(rewards_GK, Config.ScaleRewards).reshape(-1, 1).expand_as(rollout.Mask_BT);
    }

    private protected override Tensor Teaches(Rollout rollout) => Config.MaskTruncatedCompletions
        ? rollout.Mask_BT * tensor(rollout.Samples.EndsWithEos.Select(e => e ? 1f : 0f).ToArray()).unsqueeze(1)
        : rollout.Mask_BT;

    private protected override Tensor Weights(Tensor mask_BT) => PolicyGradientLoss.Weights(mask_BT, Config.LossType, Config.MaxNewTokens);

    private protected override PolicyGradientResult Loss(
        Tensor logprobs_BT, Tensor oldLogprobs_BT, Tensor? refLogprobs_BT, Tensor advantages_BT, Tensor mask_BT, Tensor weights_BT) =>
        PolicyGradientLoss.Grpo(logprobs_BT, oldLogprobs_BT, refLogprobs_BT, advantages_BT, mask_BT, weights_BT, Config);
}
