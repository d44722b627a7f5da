namespace Trainer.Service.Algorithms.Sft;

/// <summary>One demonstration as tokens: an answer to a prompt, or a conversation of which only some tokens are learned.</summary>
/// <param name="Prompt">Tokens before the first label; not empty, as the first label needs a predictor.</param>
/// <param name="Completion">The tokens after them, EOS included: a model that never sees EOS never stops.</param>
/// <param name="Labels">Which completion tokens are labels; null: all of them. As long as the completion.</param>
public sealed record SftExample(int[] Prompt, int[] Completion, bool[]? Labels = null)
{
    /// <summary>Tokens of prompt and completion.</summary>
    public int Length => Prompt.Length + Completion.Length;

    /// <summary>Tokens that are learned.</summary>
    public int LabelTokens => Labels?.Count(label => label) ?? Completion.Length;
}
