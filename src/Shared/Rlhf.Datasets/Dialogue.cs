using System.Text;

namespace Rlhf.Datasets;

/// <summary>HH-RLHF's layout of a dialogue (Bai et al. 2022): turns that begin with <c>\n\nHuman:</c> and <c>\n\nAssistant:</c>.</summary>
public static class Dialogue
{
    /// <summary>What the assistant's turns begin with.</summary>
    public const string AssistantMark = "\n\nAssistant:";

    /// <summary>What the user's turns begin with.</summary>
    public const string HumanMark = "\n\nHuman:";

    /// <summary>The messages of a dialogue, without an empty last turn; what stands before the first mark is the system's. Null if the text has no mark.</summary>
    public static IReadOnlyList<Message>? Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var messages = new List<Message>();
        var (role, start) = (Message.System, 0);
        while (true)
        {
            var human = text.IndexOf(HumanMark, start, StringComparison.Ordinal);
            var assistant = text.IndexOf(AssistantMark, start, StringComparison.Ordinal);
            var isHuman = human >= 0 && (assistant < 0 || human < assistant);
            var end = isHuman ? human : assistant;
            var content = text[start..(end < 0 ? text.Length : end)];
            if (role == Message.System && start == 0 ? content.Length > 0 : end >= 0 || content.Length > 0)
            {
                messages.Add(new Message(role, content.StartsWith(' ') ? content[1..] : content));
            }

            if (end < 0)
            {
                return start == 0 ? null : messages;
            }

            (role, start) = isHuman ? (Message.User, end + HumanMark.Length) : (Message.Assistant, end + AssistantMark.Length);
        }
    }

    /// <summary>The dialogue of messages; a prompt, whose last message is not the assistant's, ends in the cue for the answer.</summary>
    /// <exception cref="FormatException">If a message is neither system's, user's nor assistant's, or holds a mark itself.</exception>
    public static string Write(IReadOnlyList<Message> messages)
    {
        ArgumentNullException.ThrowIfNull(messages);
        var text = new StringBuilder();
        for (var i = 0; i < messages.Count; i++)
        {
            var message = messages[i];
            if (message.Content.Contains(HumanMark, StringComparison.Ordinal) || message.Content.Contains(AssistantMark, StringComparison.Ordinal))
            {
                throw new FormatException($"message {i + 1} holds \"\\n\\nHuman:\" or \"\\n\\nAssistant:\", which HH-RLHF's layout has between turns");
            }

            text.Append(message.Role switch
            {
                Message.System when i == 0 => message.Content,
                Message.User => $"{HumanMark} {message.Content}",
                Message.Assistant => $"{AssistantMark} {message.Content}",
                _ => throw new FormatException($"message {i + 1} has role \"{message.Role}\"; HH-RLHF's layout has user and assistant, and system first"),
            });
        }

        return messages.Count > 0 && messages[^1].Role == Message.Assistant ? text.ToString() : text.Append(AssistantMark).ToString();
    }
}
