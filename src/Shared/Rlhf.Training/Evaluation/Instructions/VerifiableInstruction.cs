using System.Text.Json;

namespace Rlhf.Training.Evaluation.Instructions;

/// <summary>An instruction whose fulfilment a program can see.</summary>
/// <param name="Id">Its id, of those IFEval has.</param>
/// <param name="Arguments">Its arguments, a JSON object (<c>kwargs</c>).</param>
/// <param name="IsFollowed">Whether an answer, not blank, follows it.</param>
public sealed record VerifiableInstruction(string Id, JsonElement Arguments, Func<string, bool> IsFollowed);
