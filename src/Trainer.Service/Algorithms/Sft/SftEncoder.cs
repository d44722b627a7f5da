using Rlhf.Datasets;
using Rlhf.Modeling.Chat;
using Rlhf.Modeling.Tokenization;
using Rlhf.Training.Batching;
using Rlhf.Training.Hyperparameters;

namespace Trainer.Service.Algorithms.Sft;

/// <summary>
/// Rows of a data set as demonstrations, as TRL's <c>SFTTrainer</c> makes them: prompt and completion, of which the completion is learned;
/// conversations by the model's chat template, of which everything or only the assistant's words are learned; texts, of which all is.
/// </summary>
public sealed class SftEncoder
{
    /// <summary>The layout of conversations for models without a chat template: HH-RLHF's turns, end-of-text behind the last answer.</summary>
    public const string DialogueTemplate =
        "{% for message in messages %}"
        + "{% if message['role'] == 'assistant' %}{{ '\\n\\nAssistant:' }}"
        + "{% generation %}{{ ' ' + message['content'] }}{% if loop.last %}{{ eos_token }}{% endif %}{% endgeneration %}"
        + "{% elif message['role'] == 'user' %}{{ '\\n\\nHuman: ' + message['content'] }}"
        + "{% else %}{{ message['content'] }}{% endif %}"
        + "{% endfor %}{% if add_generation_prompt %}{{ '\\n\\nAssistant:' }}{% endif %}";

    private readonly SftConfig _config;
    private readonly Tokenizer _tokenizer;
    private readonly ChatTemplate _template;
    private readonly DialogueEncoder _pairs;
    private readonly int _maxLength;
    private readonly int _endOfText;

    /// <summary>Makes an encoder.</summary>
    /// <param name="config">What is learned, and <see cref="SftConfig.MaxLength"/>.</param>
    /// <param name="tokenizer">Must know an end-of-text token.</param>
    /// <param name="positions">The model's positions.</param>
    /// <param name="template">The model's chat template; null: <see cref="DialogueTemplate"/>.</param>
    /// <exception cref="ArgumentException">If the tokenizer has no end-of-text token.</exception>
    /// <exception cref="HyperparametersException">If assistant_only_loss is set and the template has no <c>{% generation %}</c> block.</exception>
    public SftEncoder(SftConfig config, Tokenizer tokenizer, int positions, ChatTemplate? template)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(tokenizer);
        (_config, _tokenizer) = (config, tokenizer);
        _maxLength = Math.Min(config.MaxLength ?? positions, positions);
        _pairs = new DialogueEncoder(tokenizer, _maxLength, template);
        _endOfText = tokenizer.EosTokenId!.Value;
        _template = template ?? ChatTemplate.Parse(DialogueTemplate);
        if (config.AssistantOnlyLoss && !_template.HasGenerationBlocks)
        {
            throw new HyperparametersException(
                nameof(SftConfig), ["assistant_only_loss is true; the model's chat template marks nothing with {% generation %} and {% endgeneration %}: add the marks, or leave it out."]);
        }
    }

    /// <summary>The demonstrations of rows; a row of which nothing is left to learn, such as one whose answers were all cut off, gives none.</summary>
    /// <exception cref="DatasetException">If rows cannot be demonstrations: the first 20 by line and reason.</exception>
    public IReadOnlyList<SftExample> Encode(IEnumerable<DatasetRow> rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        var examples = rows.MakeAll("", "cannot be demonstrations", row =>
            row.Type == DatasetType.LanguageModeling ? [Whole(row.Completions[0])] : row.To(DatasetType.PromptCompletion).Select(Pair));
        return [.. examples.Where(e => e.LabelTokens > 0)];
    }

    private SftExample Pair(DatasetRow row)
    {
        if (_config.AssistantOnlyLoss && row.Prompt!.Messages is null)
        {
            throw new FormatException("assistant_only_loss needs conversations; this row is text");
        }

        var (prompt, completion) = _pairs.EncodePair(row.Prompt!, row.Completions[0]);
        return _config.CompletionOnlyLoss ?? true ? new SftExample(prompt, completion) : Everything([.. prompt, .. completion]);
    }

    private SftExample Whole(TextOrMessages text)
    {
        if (_config.CompletionOnlyLoss == true)
        {
            throw new FormatException("completion_only_loss is true, and this row has no prompt of its own: leave it out, or set assistant_only_loss");
        }

        if (text.Messages is not { } messages)
        {
            return _config.AssistantOnlyLoss
                ? throw new FormatException("assistant_only_loss needs conversations; this row is text")
                : Everything([.. _tokenizer.Encode(text.Text!), _endOfText]);
        }

        var chat = _tokenizer.ApplyChatTemplate(_template, messages.Select(m => ChatMessage.FromJson(m.ToJson())));
        if (!_config.AssistantOnlyLoss)
        {
            return Everything(chat.Ids);
        }

        var length = Math.Min(chat.Ids.Length, _maxLength);
        return new SftExample(chat.Ids[..1], chat.Ids[1..length], [.. chat.AssistantMask[1..length].Select(bit => bit == 1)]);
    }

    private SftExample Everything(int[] ids) => new(ids[..1], ids[1..Math.Min(ids.Length, _maxLength)]);
}
