using Rlhf.Modeling.Tokenization;
using Rlhf.Modeling.Transformer;

namespace Rlhf.Modeling.Generation;

/// <summary>Refuses what cannot be generated before anything runs.</summary>
internal static class RequestCheck
{
    /// <summary>Checks parameters and prompts against the model.</summary>
    /// <param name="requests">What was asked for.</param>
    /// <param name="config">The model.</param>
    /// <param name="tokenizer">Stop strings need one.</param>
    /// <param name="maxLength">The longest prompt and continuation together.</param>
    /// <param name="limit">Where that length comes from.</param>
    /// <exception cref="ArgumentException">Lists all faults.</exception>
    public static void ThrowIfIllegal(
        IReadOnlyList<GenerationRequest> requests, TransformerConfig config, Tokenizer? tokenizer, int maxLength, string limit)
    {
        var faults = new List<string>();
        foreach (var parameters in requests.Select(request => request.Parameters).Distinct(ReferenceEqualityComparer.Instance).Cast<SamplingParameters>())
        {
            faults.AddRange(parameters.Validate());
            faults.AddRange(parameters.StopTokenIds.Where(IsUnknown).Select(id => $"{nameof(parameters.StopTokenIds)} has id {id}; {Legal()}"));
            faults.AddRange(parameters.LogitBias.Keys.Where(IsUnknown).Select(id => $"{nameof(parameters.LogitBias)} has id {id}; {Legal()}"));
            if (parameters.StopStrings.Count > 0 && tokenizer is null)
            {
                faults.Add($"{nameof(parameters.StopStrings)} need a tokenizer");
            }
        }

        for (var i = 0; i < requests.Count; i++)
        {
            var (prompt, maxNewTokens) = (requests[i].PromptIds, requests[i].Parameters.MaxNewTokens);
            if (prompt.Length == 0)
            {
                faults.Add($"prompt {i} is empty: at least one token must be there to continue");
            }

            if ((long)prompt.Length + maxNewTokens > maxLength)
            {
                faults.Add($"prompt {i} has {prompt.Length} tokens; with MaxNewTokens {maxNewTokens} that exceeds {limit} ({maxLength})");
            }

            if (Array.FindIndex(prompt, IsUnknown) is >= 0 and var place)
            {
                faults.Add($"prompt {i} has id {prompt[place]}; {Legal()}");
            }
        }

        if (faults.Count > 0)
        {
            throw new ArgumentException(string.Join("; ", faults));
        }

        bool IsUnknown(int id) => (uint)id >= (uint)config.VocabSize;

        string Legal() => $"ids lie in 0 … {config.VocabSize - 1}";
    }
}
