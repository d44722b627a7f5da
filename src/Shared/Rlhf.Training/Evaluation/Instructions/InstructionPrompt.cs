namespace Rlhf.Training.Evaluation.Instructions;

/// <summary>A request with what its answer can be checked for.</summary>
/// <param name="Prompt">The request as the model gets it.</param>
/// <param name="Instructions">What it asks for that can be checked, at least one.</param>
public sealed record InstructionPrompt(string Prompt, IReadOnlyList<VerifiableInstruction> Instructions);
