namespace Rlhf.Modeling.Generation;

/// <summary>One continuation of a prompt.</summary>
/// <param name="PromptIds">The prompt as given.</param>
/// <param name="Ids">The generated ids, with the end-of-text id as the last one if <paramref name="FinishReason"/> is "stop".</param>
/// <param name="Logprobs">
/// For each generated id the natural log-probability under the model itself: log-softmax of the raw logits, before temperature and truncation.
/// </param>
/// <param name="FinishReason">"stop" after an end-of-text id, "length" after the allowed number of tokens.</param>
public sealed record GeneratedSequence(int[] PromptIds, int[] Ids, float[] Logprobs, string FinishReason)
{
    /// <summary>The sequence ended with an end-of-text id.</summary>
    public const string Stop = "stop";

    /// <summary>The sequence reached the allowed number of tokens.</summary>
    public const string Length = "length";
}
