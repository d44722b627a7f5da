namespace Rlhf.TaskFamilies.Text;

/// <summary>Compares what an answer names with what its prompt names.</summary>
internal static class ClosedWorld
{
    private static readonly HashSet<string> s_noLexicon = [];

    /// <summary>What the answer states and the prompt does not.</summary>
    /// <param name="prompt">All there is to know.</param>
    /// <param name="answer">The answer.</param>
    /// <param name="values">What can be said of things: names, colours, places.</param>
    /// <param name="things">The things it can be said of.</param>
    /// <param name="asked">The thing asked about, if one is.</param>
    /// <param name="othersValue">What is true of another thing and not of the one asked about.</param>
    public static IReadOnlyList<string> Unsupported(
        string prompt, string answer, IReadOnlyList<string> values, IReadOnlyList<string> things, string? asked = null, string? othersValue = null)
    {
        var (world, said) = (AnswerText.Read(prompt, s_noLexicon), AnswerText.Read(answer, s_noLexicon));
        var unsupported = values.Concat(things).Distinct(StringComparer.Ordinal).Where(w => said.Mentions(w) && !world.Mentions(w)).ToList();

        // The other thing's value is said of the one asked about, unless the other is named too.
        if (othersValue is not null && said.Mentions(othersValue) && !things.Any(t => t != asked && world.Mentions(t) && said.Mentions(t)))
        {
            unsupported.Add(othersValue);
        }

        return unsupported;
    }
}
