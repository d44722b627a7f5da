using System.Text.Json.Nodes;
using Rlhf.Modeling.Tokenization;

namespace Rlhf.Modeling.Chat;

/// <summary>A conversation as token ids.</summary>
/// <param name="Ids">The ids of the rendered text, without special tokens around it: the template writes those it wants.</param>
/// <param name="AssistantMask">1 for a token with a character inside a generation block, 0 for others; all 0 if the template has no such block.</param>
public sealed record TokenizedChat(int[] Ids, int[] AssistantMask);

/// <summary>Chat templates and tokenizers together.</summary>
public static class TokenizerChatExtensions
{
    /// <summary>
    /// Renders a conversation and encodes it, as transformers' <c>apply_chat_template(..., return_dict=True, return_assistant_tokens_mask=True)</c>.
    /// </summary>
    /// <param name="tokenizer">The tokenizer; its named tokens (bos_token and so on) are variables of the template.</param>
    /// <param name="template">The template.</param>
    /// <param name="messages">The messages.</param>
    /// <param name="addGenerationPrompt">Whether the beginning of an assistant's message follows them.</param>
    /// <param name="tools">JSON schemas of the functions the assistant may call; null for none.</param>
    /// <param name="variables">Further variables, which go before the tokenizer's.</param>
    /// <exception cref="ChatTemplateException">If the template fails, exceeds a limit or refuses the conversation.</exception>
    public static TokenizedChat ApplyChatTemplate(
        this Tokenizer tokenizer,
        ChatTemplate template,
        IEnumerable<ChatMessage> messages,
        bool addGenerationPrompt = false,
        IReadOnlyList<JsonNode>? tools = null,
        IReadOnlyDictionary<string, object?>? variables = null)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentNullException.ThrowIfNull(template);
        var all = tokenizer.NamedTokens.ToDictionary(token => token.Key, token => (object?)token.Value);
        foreach (var (name, value) in variables ?? new Dictionary<string, object?>())
        {
            all[name] = value;
        }

        var chat = template.Render(messages, addGenerationPrompt, tools, all);
        if (chat.AssistantSpans.Count == 0)
        {
            var plain = tokenizer.Encode(chat.Text, addSpecialTokens: false);
            return new TokenizedChat(plain, new int[plain.Length]);
        }

        var (ids, ranges) = tokenizer.EncodeWithRanges(chat.Text);
        var mask = new int[ids.Length];
        var span = 0;
        for (var i = 0; i < ids.Length; i++)
        {
            while (span < chat.AssistantSpans.Count && chat.AssistantSpans[span].End <= ranges[i].Start)
            {
                span++;
            }

            mask[i] = span < chat.AssistantSpans.Count && ranges[i].End > chat.AssistantSpans[span].Start ? 1 : 0;
        }

        return new TokenizedChat(ids, mask);
    }
}
