using Rlhf.Datasets;
using Rlhf.Modeling.Chat;
using Rlhf.Modeling.Tokenization;
using Rlhf.TaskFamilies;

namespace Rlhf.Training.Batching;

/// <summary>
/// Turns stored prompts and answers into token ids, in one way for sampling, scoring and training: the prompt in the
/// Human/Assistant layout (HH-RLHF, Bai et al. 2022), a space, the answer, end-of-text. Conversations of a model that has a chat template are
/// laid out by it.
/// </summary>
public sealed class DialogueEncoder
{
    private readonly Tokenizer _tokenizer;
    private readonly int _maxLength;
    private readonly int _endOfText;
    private readonly ChatTemplate? _template;

    /// <param name="tokenizer">Must know an end-of-text token.</param>
    /// <param name="maxLength">The most tokens of prompt and answer together: the beginning of a longer prompt is cut off, then the end of the answer.</param>
    /// <param name="template">The model's chat template, for conversations; null: they are laid out like everything else.</param>
    /// <exception cref="ArgumentException">If the tokenizer has no end-of-text token.</exception>
    public DialogueEncoder(Tokenizer tokenizer, int maxLength, ChatTemplate? template = null)
    {
        _template = template;
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

        answerIds = Cut(answerIds);
        return (EncodePrompt(prompt, answerIds.Length), answerIds);
    }

    /// <summary>The ids of a data set's prompt, leaving room for <paramref name="answerTokens"/> tokens.</summary>
    /// <exception cref="ChatTemplateException">If the template refuses the conversation.</exception>
    public int[] EncodePrompt(TextOrMessages prompt, int answerTokens)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        return _template is null || prompt.Messages is null
            ? EncodePrompt(prompt.AsText(), answerTokens)
            : KeepEnd(_tokenizer.Encode(Render(prompt.Messages, addGenerationPrompt: true), addSpecialTokens: false), _maxLength - answerTokens);
    }

    /// <summary>The ids of a data set's prompt and completion, tokenized apart as in sampling; the completion ends in end-of-text.</summary>
    /// <exception cref="ChatTemplateException">If the template refuses the conversation.</exception>
    /// <exception cref="FormatException">If the template writes the prompt otherwise when an answer follows.</exception>
    public (int[] Prompt, int[] Answer) EncodePair(TextOrMessages prompt, TextOrMessages completion)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        ArgumentNullException.ThrowIfNull(completion);
        if (_template is null || prompt.Messages is null)
        {
            return EncodePair(prompt.AsText(), completion.AsText());
        }

        var beginning = Render(prompt.Messages, addGenerationPrompt: true);
        var whole = Render([.. prompt.Messages, .. completion.AsCompletion()], addGenerationPrompt: false);
        if (!whole.StartsWith(beginning, StringComparison.Ordinal))
        {
            throw new FormatException("the chat template writes the prompt otherwise when an answer follows it");
        }

        var answerIds = _tokenizer.Encode(whole[beginning.Length..], addSpecialTokens: false);
        answerIds = Cut(answerIds.Contains(_endOfText) ? answerIds : [.. answerIds, _endOfText]);
        return (KeepEnd(_tokenizer.Encode(beginning, addSpecialTokens: false), _maxLength - answerIds.Length), answerIds);
    }

    /// <summary>The text the model sees: an imported dialogue as it is, an instruction as one Human turn.</summary>
    public static string Layout(string prompt) =>
        prompt.EndsWith("\n\nAssistant:", StringComparison.Ordinal) ? prompt : DialogueFormat.Prompt(prompt);

    // A quarter of the room always stays with the prompt.
    private int[] Cut(int[] answerIds) => answerIds.Length > _maxLength * 3 / 4 ? answerIds[..(_maxLength * 3 / 4)] : answerIds;

    private string Render(IEnumerable<Message> messages, bool addGenerationPrompt) => _template!.Render(
        messages.Select(m => ChatMessage.FromJson(m.ToJson())),
        addGenerationPrompt,
        variables: _tokenizer.NamedTokens.ToDictionary(token => token.Key, token => (object?)token.Value)).Text;

    private static int[] KeepEnd(int[] ids, int length) => ids.Length <= length ? ids : ids[^Math.Max(1, length)..];
}
