namespace Trainer.Service.Algorithms.Sft;

/// <summary>One demonstration as tokens.</summary>
/// <param name="Prompt">Prompt tokens, not empty.</param>
/// <param name="Completion">Completion tokens, EOS included: a model that never sees EOS never stops.</param>
public sealed record SftExample(int[] Prompt, int[] Completion);
