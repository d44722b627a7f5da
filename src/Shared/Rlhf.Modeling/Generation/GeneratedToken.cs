namespace Rlhf.Modeling.Generation;

/// <summary>One token as it is generated.</summary>
/// <param name="Sequence">Which of the call's or the request's sequences it belongs to, counted from 0.</param>
/// <param name="Id">The token.</param>
/// <param name="Logprob">Its natural log-probability: log-softmax of the raw logits.</param>
/// <param name="Text">
/// The text that is certain now: whole characters only, and nothing that may turn out to be the beginning of a stop string. All pieces
/// joined are <see cref="GeneratedSequence.Text"/>. Empty without a tokenizer.
/// </param>
/// <param name="FinishReason">Null while the sequence goes on; then that of <see cref="GeneratedSequence"/>.</param>
public sealed record GeneratedToken(int Sequence, int Id, float Logprob, string Text, string? FinishReason);
