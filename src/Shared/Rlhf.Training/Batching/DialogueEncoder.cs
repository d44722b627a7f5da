using Rlhf.Modeling.Tokenization;
using Rlhf.TaskFamilies;

namespace Rlhf.Training.Batching;

/// <summary>
/// Turns stored prompts and answers into token ids, in one way for sampling, scoring and training: the prompt in the
/// Human/Assistant layout (HH-RLHF, Bai et al. 2022), a space, the answer, end-of-text.
/// </summary>
public sealed class DialogueEncoder
{
    private readonly Tokenizer _tokenizer;
    private readonly int _maxLength;
    private readonly int _endOfText;

    /// <param name="tokenizer">Must know an end-of-text token.</param>
    /// <param name="maxLength">The most tokens of prompt and answer together: the beginning of a longer prompt is cut off, then the end of the answer.</param>
    /// <exception cref="ArgumentException">If the tokenizer has no end-of-text token.</exception>
    public DialogueEncoder(Tokenizer tokenizer, int maxLength)
    {
        _tokenizer = tokenizer;
        _maxLength = maxLength;
        _endOfText = tokenizer.EosTokenId ?? throw new ArgumentException("The tokenizer has no end-of-text token (eos_token in tokenizer_config.json).", nameof(tokenizer));
    }

    /// <summary>The prompt's ids, leaving room for <paramref name="answerTokens"/> tokens.</summary>
    public int[] EncodePrompt(string prompt, int answerTokens) => KeepEnd(_tokenizer.Encode(Layout(prompt)), _maxLength - answerTokens);

    /// <summary>The prompt's and the answer's ids; the answer ends in end-of-text unless it was cut off at the length limit when sampled.</summary>
    public (int[] Prompt, int[] Answer) EncodePair(string prompt, string answer, bool ended = true)
    {
        var text = answer.Length == 0 || char.IsWhiteSpace(answer[0]) ? answer : " " + answer;
        var answerIds = _tokenizer.Encode(text, addSpecialTokens: false);
        if (ended)
        {
            answerIds = [.. answerIds, _endOfText];
        }

        // A quarter of the room always stays with the prompt.
        if (answerIds.Length > _maxLength * 3 / 4)
        {
            answerIds = answerIds[..(_maxLength * 3 / 4)];
        }

        return (EncodePrompt(prompt, answerIds.Length), answerIds);
    }

    /// <summary>The text the model sees: an imported dialogue as it is, an instruction as one Human turn.</summary>
    public static string Layout(string prompt) =>
        prompt.EndsWith("\n\nAssistant:", StringComparison.Ordinal) ? prompt : DialogueFormat.Prompt(prompt);

    private static int[] KeepEnd(int[] ids, int length) => ids.Length <= length ? ids : ids[^Math.Max(1, length)..];
}
