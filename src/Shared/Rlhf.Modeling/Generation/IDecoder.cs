namespace Rlhf.Modeling.Generation;

// Legend: P prompts, R rows, V vocabulary

/// <summary>
/// One model's running texts ("slots") with their cached keys and values. Numbers are those of the training forward pass up to rounding.
/// Not for use by several threads at once; between calls the thread may change.
/// </summary>
internal interface IDecoder : IDisposable
{
    /// <summary>The most slots at once; they are numbered from 0.</summary>
    int Capacity { get; }

    /// <summary>The most tokens of one slot.</summary>
    int MaxLength { get; }

    /// <summary>Fills empty slots, each with its prompt.</summary>
    /// <param name="slots">P different empty slots.</param>
    /// <param name="prompts">P prompts of 1 … <see cref="MaxLength"/> tokens.</param>
    /// <param name="logits_PV">Receives the logits of each prompt's next token, row by row.</param>
    void Prefill(ReadOnlySpan<int> slots, IReadOnlyList<int[]> prompts, Span<float> logits_PV);

    /// <summary>Gives an empty slot the past of a filled one; from then on each goes its own way.</summary>
    void Fork(int source, int target);

    /// <summary>Makes a filled slot empty.</summary>
    void Release(int slot);

    /// <summary>Appends one token to each of some filled slots.</summary>
    /// <param name="slots">R different filled slots, in any order; others stay as they are.</param>
    /// <param name="tokens">R tokens.</param>
    /// <param name="logits_RV">Receives the logits of each slot's next token, row by row.</param>
    void Step(ReadOnlySpan<int> slots, ReadOnlySpan<int> tokens, Span<float> logits_RV);
}
