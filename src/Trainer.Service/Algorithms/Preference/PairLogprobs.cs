using TorchSharp;

namespace Trainer.Service.Algorithms.Preference;

/// <summary>What P pairs look like to policy and reference: sums of log-probabilities over completion tokens, nats.</summary>
/// <param name="Chosen_P">log π(chosen) [P].</param>
/// <param name="Rejected_P">log π(rejected) [P].</param>
/// <param name="ChosenTokens_P">Tokens of the chosen completions [P], in the sums' dtype.</param>
/// <param name="RejectedTokens_P">Tokens of the rejected completions [P].</param>
/// <param name="ReferenceChosen_P">log π_ref(chosen) [P]; null for methods without a reference.</param>
/// <param name="ReferenceRejected_P">log π_ref(rejected) [P].</param>
internal sealed record PairLogprobs(
    torch.Tensor Chosen_P,
    torch.Tensor Rejected_P,
    torch.Tensor ChosenTokens_P,
    torch.Tensor RejectedTokens_P,
    torch.Tensor? ReferenceChosen_P = null,
    torch.Tensor? ReferenceRejected_P = null)
{
    /// <summary>log π − log π_ref of the chosen completions [P].</summary>
    public torch.Tensor ChosenLogRatio_P => Chosen_P - ReferenceChosen_P!;

    /// <summary>log π − log π_ref of the rejected completions [P].</summary>
    public torch.Tensor RejectedLogRatio_P => Rejected_P - ReferenceRejected_P!;
}
