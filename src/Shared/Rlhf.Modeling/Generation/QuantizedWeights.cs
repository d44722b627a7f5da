using Rlhf.Modeling.Transformer;
using Rlhf.Torch.Extensions.Kernels;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Generation;

/// <summary>
/// 8-bit copies of a model's matrices, as in GGUF's Q8_0: blocks of 32 with one half-precision scale. They are copies: training the model
/// does not change them.
/// </summary>
internal sealed class QuantizedWeights : IDisposable
{
    private readonly Dictionary<Parameter, (Tensor Data, Tensor Scales)> _matrices = new(ReferenceEqualityComparer.Instance);

    /// <summary>Rounds every matrix whose rows are whole blocks; others stay as they are.</summary>
    public QuantizedWeights(CausalLanguageModel model)
    {
        // Of the embeddings only the output matrix is multiplied; a row that is looked up keeps its precision.
        var embeddings = model.Body.modules().OfType<EmbeddingTable>().Select(embedding => embedding.weight).Where(weight => !ReferenceEquals(weight, model.OutputWeight));
        var skipped = embeddings.ToHashSet<Parameter>(ReferenceEqualityComparer.Instance);
        foreach (var parameter in model.parameters().Where(parameter => parameter.shape is [_, var width] && width % 32 == 0 && !skipped.Contains(parameter)))
        {
            var (data, scales) = CpuKernels.Quantize(parameter);
            _matrices.Add(parameter, (data.DetachFromDisposeScope(), scales.DetachFromDisposeScope()));
        }
    }

    /// <summary>The copy of a matrix, or null.</summary>
    public (Tensor Data, Tensor Scales)? Find(Parameter parameter) => _matrices.TryGetValue(parameter, out var copy) ? copy : null;

    public void Dispose()
    {
        foreach (var (data, scales) in _matrices.Values)
        {
            data.Dispose();
            scales.Dispose();
        }
    }
}
