using static TorchSharp.torch;

namespace Rlhf.Modeling.Transformer;

// Legend: B batch, T tokens of this pass, L visible places, K key/value heads, E elements of one head

/// <summary>Keeps the keys and values of texts that are computed bit by bit.</summary>
internal interface IKeyValueCache
{
    /// <summary>Keeps the keys and values of one layer. Called once by every layer in each pass, in their order.</summary>
    /// <param name="keys_BTKE">With positions in them already.</param>
    /// <param name="values_BTKE">The values.</param>
    /// <returns>Keys and values of all places that the pass may look at, both [B, K, L, E]; the cache's own or views of it.</returns>
    (Tensor Keys_BKLE, Tensor Values_BKLE) Append(Tensor keys_BTKE, Tensor values_BTKE);
}
