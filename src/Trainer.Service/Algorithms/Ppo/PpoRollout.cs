// B episodes, T response columns.
using TorchSharp;
using static TorchSharp.torch;

namespace Trainer.Service.Algorithms.Ppo;

/// <summary>What one update learns from: the episodes as tokens, and what policy, reference and critic said about them.</summary>
/// <param name="Prompts">Prompt tokens.</param>
/// <param name="Responses">Response tokens, EOS included where one was drawn.</param>
/// <param name="ResponseColumns">T: the longest response plus one column for the score after EOS, at most the longest allowed.</param>
/// <param name="Logprobs_BT">log π(token) before the update, 0 at padding [B, T].</param>
/// <param name="RefLogprobs_BT">log π_ref(token), 0 at padding [B, T].</param>
/// <param name="Values_BT">The critic's values before the update [B, T].</param>
/// <param name="PolicyEntropy">Mean entropy of the next-token distributions, nats per token.</param>
/// <param name="FullKl_BT">KL of the whole next-token distributions, 0 at padding [B, T]; null unless that is what is penalised.</param>
internal sealed record PpoRollout(
    IReadOnlyList<int[]> Prompts,
    IReadOnlyList<int[]> Responses,
    int ResponseColumns,
    Tensor Logprobs_BT,
    Tensor RefLogprobs_BT,
    Tensor Values_BT,
    Tensor PolicyEntropy,
    Tensor? FullKl_BT);
