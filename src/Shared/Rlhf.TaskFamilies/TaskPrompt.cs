namespace Rlhf.TaskFamilies;

/// <summary>One task: what the person asks and what the checker needs to judge an answer.</summary>
/// <param name="Family">The <see cref="ITaskFamily.Name"/> of the family that made it.</param>
/// <param name="Text">The human instruction only, without the dialogue layout of <see cref="DialogueFormat"/>.</param>
/// <param name="SpecJson">The facts of the task as JSON; together with <paramref name="Family"/> it is all that scoring reads besides the text.</param>
public sealed record TaskPrompt(string Family, string Text, string SpecJson);
