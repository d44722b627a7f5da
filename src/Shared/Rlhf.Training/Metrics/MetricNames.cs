namespace Rlhf.Training.Metrics;

/// <summary>The names of all learning-curve metrics. They follow summarize_from_feedback_details and lm-human-preference-details.</summary>
public static class MetricNames
{
    /// <summary>Mean over episodes of the sum over response tokens of log π − log π_ref, nats.</summary>
    public const string Kl = "objective/kl";

    /// <summary>The coefficient β of the KL penalty in this update.</summary>
    public const string KlCoefficient = "objective/kl_coef";

    /// <summary>Mean over episodes of the sum over response tokens of −log π(token), nats: a one-sample estimate of the sequence entropy.</summary>
    public const string Entropy = "objective/entropy";

    /// <summary>Mean over episodes of the score, after the missing-EOS rule.</summary>
    public const string Scores = "objective/scores";

    /// <summary>Mean over episodes of the reward model's own score, before the missing-EOS rule.</summary>
    public const string RewardModelScores = "objective/rm_scores";

    /// <summary>Mean over episodes of the summed KL penalty, −β · KL.</summary>
    public const string NonScoreReward = "objective/non_score_reward";

    /// <summary>Mean over episodes of score plus penalty: what PPO maximises.</summary>
    public const string ScoreTotal = "objective/score_total";

    /// <summary>The clipped surrogate loss, mean over the update's minibatch steps.</summary>
    public const string PolicyLoss = "ppo/loss/policy";

    /// <summary>The clipped value loss, mean over the update's minibatch steps.</summary>
    public const string ValueLoss = "ppo/loss/value";

    /// <summary>Policy loss plus weighted value loss, mean over the update's minibatch steps.</summary>
    public const string TotalLoss = "ppo/loss/total";

    /// <summary>Language-model loss on pretraining texts (PPO-ptx), nats per token, mean over the update's minibatch steps.</summary>
    public const string PtxLoss = "ppo/loss/ptx";

    /// <summary>½ (log ρ)², a second-order estimate of KL(π_old ‖ π), mean over the update's minibatch steps.</summary>
    public const string ApproxKl = "ppo/policy/approxkl";

    /// <summary>Share of tokens whose surrogate was clipped, mean over the update's minibatch steps.</summary>
    public const string ClipFraction = "ppo/policy/clipfrac";

    /// <summary>Mean entropy of the policy's next-token distribution over response tokens before the update, nats per token.</summary>
    public const string PolicyEntropy = "ppo/policy/entropy";

    /// <summary>Norm of the gradients of policy and critic before clipping, mean over the update's minibatch steps.</summary>
    public const string PpoGradientNorm = "ppo/grad_norm";

    /// <summary>Mean probability ratio ρ, mean over the update's minibatch steps.</summary>
    public const string Ratio = "ppo/val/ratio";

    /// <summary>Share of values whose loss was clipped, mean over the update's minibatch steps.</summary>
    public const string ValueClipFraction = "ppo/val/clipfrac";

    /// <summary>1 − Var(returns − values) / Var(returns): 1 is a perfect critic, below 0 one worse than a constant.</summary>
    public const string ExplainedVariance = "ppo/val/explained_variance";

    /// <summary>Mean of the critic's values in the rollout.</summary>
    public const string ValueMean = "ppo/val/mean";

    /// <summary>Mean return in the rollout.</summary>
    public const string ReturnsMean = "ppo/returns/mean";

    /// <summary>Variance of returns in the rollout.</summary>
    public const string ReturnsVariance = "ppo/returns/var";

    /// <summary>Largest |ρ − 1| in the first minibatch of the first epoch: 0 up to rounding when rollout and training agree.</summary>
    public const string FirstRatioError = "ppo/val/first_ratio_error";

    /// <summary>The learning rate of the update.</summary>
    public const string PpoLearningRate = "ppo/lr";

    /// <summary>Episodes done.</summary>
    public const string Episode = "ppo/episode";

    /// <summary>Mean response length in tokens, EOS included.</summary>
    public const string ResponseLength = "rollout/response_length";

    /// <summary>Share of responses that end with EOS.</summary>
    public const string EosRate = "rollout/eos_rate";

    /// <summary>Pearson's correlation of response length and score within a rollout.</summary>
    public const string LengthRewardCorrelation = "rollout/length_reward_correlation";

    /// <summary>Share of groups whose responses all got the same reward: they teach nothing (TRL's name).</summary>
    public const string GroupsWithoutSpread = "frac_reward_zero_std";

    /// <summary>Loss of a language-model stage (pretraining or fine-tuning), mean nats per label token since the last report.</summary>
    public const string TrainLoss = "train/loss";

    /// <summary>The learning rate of the last step.</summary>
    public const string TrainLearningRate = "train/lr";

    /// <summary>Gradient norm before clipping of the last step.</summary>
    public const string TrainGradientNorm = "train/grad_norm";

    /// <summary>Tokens trained on so far.</summary>
    public const string TrainTokens = "train/tokens";

    /// <summary>Passes over the data so far.</summary>
    public const string TrainEpoch = "train/epoch";

    /// <summary>Loss on held-out data, nats per label token.</summary>
    public const string EvaluationLoss = "eval/loss";

    /// <summary>Mean implicit reward of preferred (desirable) completions, as TRL's DPO and KTO trainers name it.</summary>
    public const string ChosenRewards = "rewards/chosen";

    /// <summary>Mean implicit reward of rejected (undesirable) completions.</summary>
    public const string RejectedRewards = "rewards/rejected";

    /// <summary>Mean implicit reward of preferred minus rejected completions.</summary>
    public const string RewardMargins = "rewards/margins";

    /// <summary>Share of pairs whose preferred completion has the higher implicit reward.</summary>
    public const string RewardAccuracies = "rewards/accuracies";

    /// <summary>Mean log-probability of whole preferred (desirable) completions, nats.</summary>
    public const string ChosenLogprobs = "logps/chosen";

    /// <summary>Mean log-probability of whole rejected (undesirable) completions, nats.</summary>
    public const string RejectedLogprobs = "logps/rejected";

    /// <summary>KTO's reference point: the mean log-ratio of mismatched completions, at least 0, nats.</summary>
    public const string KtoReferencePoint = "kl";

    /// <summary>Mean reward of the new policy's answers to held-out prompts, by the reward model it was trained on.</summary>
    public const string EvaluationScore = "eval/score";

    /// <summary>The same of the policy the run started from, with the same random draws.</summary>
    public const string EvaluationScoreStart = "eval/score_start";

    /// <summary>Loss of the reward model since the last report; 0.693 is a coin for pairs.</summary>
    public const string RewardLoss = "reward/loss";

    /// <summary>Share of training comparisons, not ties, whose preferred completion scored higher, since the last report.</summary>
    public const string RewardAccuracy = "reward/accuracy";

    /// <summary>Mean score of preferred minus rejected completions since the last report.</summary>
    public const string RewardMargin = "reward/margin";

    /// <summary>Loss on held-out rankings, without margins, label weights and centring.</summary>
    public const string RewardEvaluationLoss = "eval/reward/loss";

    /// <summary>Accuracy on held-out comparisons.</summary>
    public const string RewardEvaluationAccuracy = "eval/reward/accuracy";

    /// <summary>Lower end of the 95 % Wilson interval of the held-out accuracy.</summary>
    public const string RewardEvaluationAccuracyLow = "eval/reward/accuracy_low";

    /// <summary>Upper end of the 95 % Wilson interval of the held-out accuracy.</summary>
    public const string RewardEvaluationAccuracyHigh = "eval/reward/accuracy_high";

    /// <summary>The share of held-out comparisons on which another annotator would agree: what an accuracy can be measured by.</summary>
    public const string RewardHumanAgreement = "eval/reward/human_agreement";

    /// <summary>Brier score of held-out probabilities as they are.</summary>
    public const string RewardBrier = "eval/reward/brier";

    /// <summary>Held-out judgments that are not ties: the count behind the accuracies.</summary>
    public const string RewardEvaluationDecided = "eval/reward/decided";

    /// <summary>Accuracy of always answering with the position, A or B, that was preferred more often in training.</summary>
    public const string RewardMajorityBaseline = "eval/reward/majority_baseline";

    /// <summary>Accuracy of always preferring the longer answer, in tokens; equal lengths count half.</summary>
    public const string RewardLengthBaseline = "eval/reward/length_baseline";

    /// <summary>Mean score of the reference completions that became the model's bias.</summary>
    public const string RewardBias = "reward/bias";

    /// <summary>Under this prefix are the evaluations with the averaged weights, where a run keeps an average.</summary>
    public const string AveragePrefix = "ema/";

    /// <summary>Everything under this prefix is wall-clock time: it differs from run to run and is no part of a saved state.</summary>
    public const string TimingPrefix = "time/";

    /// <summary>Tokens trained on per second since the last report.</summary>
    public const string TokensPerSecond = "time/tokens_per_second";

    /// <summary>Seconds of the update's rollout (generation).</summary>
    public const string RolloutSeconds = "time/rollout_seconds";

    /// <summary>Seconds of the update's scoring, reference and value passes.</summary>
    public const string ScoreSeconds = "time/score_seconds";

    /// <summary>Seconds of the update's optimisation epochs.</summary>
    public const string LearnSeconds = "time/learn_seconds";
}
