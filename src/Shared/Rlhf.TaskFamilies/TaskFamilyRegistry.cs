using Rlhf.TaskFamilies.Families;

namespace Rlhf.TaskFamilies;

/// <summary>All families, in the order in which tables and corpora list them.</summary>
public static class TaskFamilyRegistry
{
    /// <summary>Every family.</summary>
    public static IReadOnlyList<ITaskFamily> All { get; } =
    [
        new StoryFamily(), new QuestionFamily(), new ListFamily(), new ThanksFamily(), new ComfortFamily(), new OppositeFamily(),
        new SumFamily(), new SummaryFamily(), new ChineseStoryFamily(), new ChineseThanksFamily(), new ChineseColourFamily(),
    ];

    /// <summary>The family with this name.</summary>
    /// <exception cref="ArgumentException">If there is none; the message lists the names.</exception>
    public static ITaskFamily Find(string name) => All.FirstOrDefault(f => f.Name == name)
        ?? throw new ArgumentException($"There is no task family '{name}'; the families are {string.Join(", ", All.Select(f => f.Name))}.", nameof(name));

    /// <summary>Judges an answer by the family of its prompt.</summary>
    public static TaskScore Score(TaskPrompt prompt, string answer) => Find(prompt.Family).Score(prompt, answer);
}
