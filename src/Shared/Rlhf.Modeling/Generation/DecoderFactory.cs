using Rlhf.Modeling.Transformer;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Generation;

/// <summary>Makes the decoder for a model and keeps its cache within bounds.</summary>
internal static class DecoderFactory
{
    /// <summary>The decoder for the model's device, family and precision.</summary>
    /// <param name="model">Its weights are used where they are: nothing is copied.</param>
    /// <param name="slots">The most texts at once.</param>
    /// <param name="maxLength">The most tokens of one.</param>
    /// <param name="loadIn8Bit">Whether to use 8-bit copies of the model's matrices instead.</param>
    /// <exception cref="ArgumentException">If 8-bit copies are wanted where there are no kernels for them.</exception>
    public static IDecoder Create(CausalLanguageModel model, int slots, int maxLength, bool loadIn8Bit = false) =>
        KernelDecoder.Supports(model) ? new KernelDecoder(model, slots, maxLength, loadIn8Bit)
        : !loadIn8Bit ? new TensorDecoder(model, slots, maxLength)
        : throw new ArgumentException(
            $"{nameof(GeneratorOptions.LoadIn8Bit)} needs a model in Float32 or BFloat16 on a CPU with AVX2, and the CPU kernels", nameof(loadIn8Bit));

    /// <summary>
    /// The longest text that can be continued. Dynamic rotary scaling changes the angles of all places once a text outgrows the trained
    /// length, so keys cached before would no longer be those of a training forward pass.
    /// </summary>
    public static int LongestText(TransformerConfig config) =>
        config.RopeScaling?.RopeType == "dynamic" ? config.MaxPositionEmbeddings : config.MaxPositions;

    /// <summary>How many slots there may be.</summary>
    /// <param name="model">The model.</param>
    /// <param name="wanted">How many would be of use.</param>
    /// <param name="needed">With fewer some request could never run.</param>
    /// <param name="maxLength">The most tokens of one.</param>
    /// <param name="options">The bounds.</param>
    /// <exception cref="ArgumentException">If a bound is below what is needed.</exception>
    public static int Slots(CausalLanguageModel model, long wanted, int needed, int maxLength, GeneratorOptions options)
    {
        if (needed > options.MaxBatchSize)
        {
            throw new ArgumentException(
                $"one request needs {needed} sequences at a time, but {nameof(options.MaxBatchSize)} is {options.MaxBatchSize}");
        }

        var bytes = BytesOfSlot(model, maxLength);
        if (needed * bytes > options.MaxCacheBytes)
        {
            throw new ArgumentException(
                $"{needed} sequences of {maxLength} tokens need {needed * bytes} bytes for keys and values, but {nameof(options.MaxCacheBytes)} is {options.MaxCacheBytes}");
        }

        return (int)Math.Min(Math.Min(wanted, options.MaxBatchSize), options.MaxCacheBytes / bytes);
    }

    /// <summary>Values of all layers in the precision of the weights, and keys in single precision, which rotary positions make of them.</summary>
    private static long BytesOfSlot(CausalLanguageModel model, int maxLength)
    {
        var config = model.Config;
        var bytesOfValue = model.OutputWeight.dtype is ScalarType.Float32 ? 4 : 2;
        return (4L + bytesOfValue) * config.NumHiddenLayers * config.NumKeyValueHeads * config.HeadDim * maxLength;
    }
}
