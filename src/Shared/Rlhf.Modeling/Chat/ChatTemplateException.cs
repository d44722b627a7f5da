namespace Rlhf.Modeling.Chat;

/// <summary>
/// A chat template that is malformed, fails while rendering, or refuses a conversation with <c>raise_exception</c>. A <see cref="FormatException"/>: of a data set's
/// row it is one of the faults that are named with the row.
/// </summary>
/// <param name="message">What is wrong; names the line.</param>
/// <param name="line">The line in the template, from 1.</param>
/// <param name="raisedByTemplate">Whether the template called <c>raise_exception</c>.</param>
/// <param name="inner">The cause.</param>
public sealed class ChatTemplateException(string message, int line, bool raisedByTemplate, Exception? inner) : FormatException(message, inner)
{
    /// <summary>The line in the template, from 1.</summary>
    public int Line { get; } = line;

    /// <summary>Whether the template itself refused the conversation; <see cref="Exception.Message"/> is then its message.</summary>
    public bool RaisedByTemplate { get; } = raisedByTemplate;
}
