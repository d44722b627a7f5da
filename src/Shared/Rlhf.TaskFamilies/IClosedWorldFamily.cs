namespace Rlhf.TaskFamilies;

/// <summary>A family whose prompt holds all there is to know: whatever else an answer states is made up.</summary>
public interface IClosedWorldFamily : ITaskFamily
{
    /// <summary>
    /// The people, things, places and colours that an answer names and the prompt does not, and what it says of the thing asked about though the
    /// prompt says it of another. Only names of the family's vocabulary are noticed. Empty if everything is supported.
    /// </summary>
    IReadOnlyList<string> UnsupportedFacts(TaskPrompt prompt, string answer);
}
