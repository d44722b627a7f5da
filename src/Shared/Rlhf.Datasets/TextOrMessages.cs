namespace Rlhf.Datasets;

/// <summary>What a column holds: a string in TRL's standard format, a list of messages in its conversational one.</summary>
public sealed class TextOrMessages
{
    /// <summary>A string.</summary>
    public TextOrMessages(string text) => Text = text;

    /// <summary>Messages.</summary>
    public TextOrMessages(IEnumerable<Message> messages) => Messages = [.. messages];

    /// <summary>The string; null for messages.</summary>
    public string? Text { get; }

    /// <summary>The messages; null for a string.</summary>
    public IReadOnlyList<Message>? Messages { get; }

    /// <summary>One message of the assistant.</summary>
    public static TextOrMessages OfAssistant(string content) => new([new Message(Message.Assistant, content)]);

    /// <summary>
    /// The messages of a prompt, or of a text that is a whole dialogue: a string in HH-RLHF's layout is taken apart, any other one is what the
    /// user says.
    /// </summary>
    public IReadOnlyList<Message> AsPrompt() => Messages ?? Dialogue.Parse(Text!) ?? [new Message(Message.User, Text!)];

    /// <summary>The messages of a completion: a string is what the assistant says.</summary>
    public IReadOnlyList<Message> AsCompletion() => Messages ?? [new Message(Message.Assistant, Text!.Trim())];

    /// <summary>As one string: the only message's content, or several in HH-RLHF's layout, which ends in the assistant's cue if a user spoke last.</summary>
    public string AsText() => Text ?? (Messages is [var only] ? only.Content : Dialogue.Write(Messages!));

    /// <summary>What equal texts and conversations share: <see cref="AsText"/>, or roles and contents of a conversation that HH-RLHF's layout has no place for.</summary>
    internal string AsKey()
    {
        try
        {
            return AsText();
        }
        catch (FormatException)
        {
            return string.Concat(Messages!.Select(m => $"\n\n{m.Role}: {m.Content}"));
        }
    }
}
