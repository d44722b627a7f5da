namespace Rlhf.Modeling.Generation;

/// <summary>One continuation of a prompt.</summary>
/// <param name="PromptIds">The prompt as given.</param>
/// <param name="Ids">
/// The generated ids. If <paramref name="FinishReason"/> is "stop", the last one is the id that ended the text, or the one that completed a stop string.
/// </param>
/// <param name="Logprobs">
/// For each generated id the natural log-probability under the model itself: log-softmax of the raw logits, before penalties, temperature and truncation.
/// </param>
/// <param name="FinishReason">"stop" after an id or a string that ends the text, "length" after the allowed number of tokens.</param>
public sealed record GeneratedSequence(int[] PromptIds, int[] Ids, float[] Logprobs, string FinishReason)
{
    /// <summary>The sequence ended with an end-of-text id, a stop id or a stop string.</summary>
    public const string Stop = "stop";

    /// <summary>The sequence reached the allowed number of tokens.</summary>
    public const string Length = "length";

    /// <summary>What the sequence adds to the prompt's text, without the id that ended it and up to the stop string; null without a tokenizer.</summary>
    public string? Text { get; init; }

    /// <summary>A beam search's score: sum of log-probabilities / (number of new tokens ^ length_penalty); null without beams.</summary>
    public double? Score { get; init; }
}
