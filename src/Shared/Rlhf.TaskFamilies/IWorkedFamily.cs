namespace Rlhf.TaskFamilies;

/// <summary>A family whose answers can be worked out step by step.</summary>
public interface IWorkedFamily : ITaskFamily
{
    /// <summary>The steps to the right answer, whole sentences, without the answer itself.</summary>
    string Steps(TaskPrompt prompt);
}
