// B responses that are learned from, T response columns.
using TorchSharp;

namespace Trainer.Service.Algorithms.Online;

/// <summary>The responses of an update with their scores; those to one prompt lie beside each other.</summary>
/// <param name="Prompts">Prompt tokens of each response.</param>
/// <param name="Responses">Response tokens, EOS included where one was drawn.</param>
/// <param name="EndsWithEos">Whether each response ended by itself.</param>
/// <param name="Rewards">Scores less what a missing EOS costs.</param>
/// <param name="Baselines">Scores of the greedy response to the same prompt; empty unless the method asked for them.</param>
internal sealed record Samples(int[][] Prompts, int[][] Responses, bool[] EndsWithEos, float[] Rewards, float[] Baselines)
{
    /// <summary>Some of them, in the order given.</summary>
    public Samples Select(int[] rows) => new(
        [.. rows.Select(r => Prompts[r])],
        [.. rows.Select(r => Responses[r])],
        [.. rows.Select(r => EndsWithEos[r])],
        [.. rows.Select(r => Rewards[r])],
        Baselines.Length == 0 ? [] : [.. rows.Select(r => Baselines[r])]);
}

/// <summary>What one update learns from.</summary>
/// <param name="Samples">The responses that teach.</param>
/// <param name="Mask_BT">1 at response tokens [B, T].</param>
/// <param name="Logprobs_BT">log π before the update, 0 at padding [B, T].</param>
/// <param name="RefLogprobs_BT">log π_ref [B, T]; null where the method needs none.</param>
internal sealed record Rollout(Samples Samples, torch.Tensor Mask_BT, torch.Tensor Logprobs_BT, torch.Tensor? RefLogprobs_BT)
{
    /// <summary>B.</summary>
    public int Count => Samples.Responses.Length;
}
