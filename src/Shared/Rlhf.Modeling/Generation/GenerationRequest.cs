namespace Rlhf.Modeling.Generation;

/// <summary>One prompt to continue.</summary>
/// <param name="PromptIds">At least one id.</param>
/// <param name="Parameters">How tokens are chosen.</param>
/// <param name="Seed">Key of the random numbers.</param>
/// <param name="FirstSequence">
/// Token t of continuation i is drawn from Philox(seed, FirstSequence + i) at position 2·t, whatever else runs at the time.
/// </param>
public sealed record GenerationRequest(int[] PromptIds, SamplingParameters Parameters, ulong Seed, ulong FirstSequence = 0);
