using System.Runtime.InteropServices;
using Rlhf.Modeling.Transformer;
using Rlhf.Torch.Extensions.Kernels;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Generation;

// Legend: P prompts, R rows, V vocabulary, D model

/// <summary>
/// Decodes with the CPU kernels: one native call for all layers of a step, weights where they are, keys and values in blocks that
/// forked slots share until they write to them.
/// </summary>
internal sealed unsafe class KernelDecoder : IDecoder
{
    /// <summary>Prompt tokens of one pass: enough for the products to be efficient, few enough for the activations to stay in the caches.</summary>
    private const int PrefillRows = 192;

    private readonly QuantizedWeights? _quantized;
    private readonly KernelCache _cache;
    private readonly KernelProgram _program;
    private readonly int _vocabSize;
    private readonly int[] _lengths;

    /// <summary>Makes room for the keys and values of all slots.</summary>
    /// <param name="model">A model that <see cref="Supports"/> takes; its weights are used where they are.</param>
    /// <param name="slots">The most texts at once.</param>
    /// <param name="maxLength">The most tokens of one.</param>
    /// <param name="loadIn8Bit">Whether to use 8-bit copies of its matrices.</param>
    public KernelDecoder(CausalLanguageModel model, int slots, int maxLength, bool loadIn8Bit = false)
    {
        _quantized = loadIn8Bit ? new QuantizedWeights(model) : null;
        (Capacity, MaxLength, _vocabSize) = (slots, maxLength, model.Config.VocabSize);
        _lengths = new int[slots];
        _cache = new KernelCache(model, slots, maxLength, shortNumbers: loadIn8Bit || model.OutputWeight.dtype == ScalarType.BFloat16);
        _program = new KernelProgram(model, _cache, Math.Max(slots, PrefillRows), maxLength, _quantized);
    }

    public int Capacity { get; }

    public int MaxLength { get; }

    /// <summary>Whether there are kernels, and all weights are single precision or bfloat16, on the CPU.</summary>
    public static bool Supports(CausalLanguageModel model) => CpuKernels.IsAvailable && model.parameters().All(weight =>
        weight.dtype is ScalarType.Float32 or ScalarType.BFloat16 && weight.device_type == TorchSharp.DeviceType.CPU && weight.is_contiguous());

    public void Prefill(ReadOnlySpan<int> slots, IReadOnlyList<int[]> prompts, Span<float> logits_PV)
    {
        for (var i = 0; i < prompts.Count; i++)
        {
            CheckFilled(slots[i], false);
            CheckLength(prompts[i].Length);
        }

        var rows = new List<(int Token, int Position, int Slot, int Prompt)>(PrefillRows);
        for (var i = 0; i < prompts.Count; i++)
        {
            for (var t = 0; t < prompts[i].Length; t++)
            {
                rows.Add((prompts[i][t], t, slots[i], t == prompts[i].Length - 1 ? i : -1));
                if (rows.Count == PrefillRows)
                {
                    Flush();
                }
            }

            _lengths[slots[i]] = prompts[i].Length;
        }

        Flush();
        RunHead(prompts.Count, logits_PV);

        void Flush()
        {
            if (rows.Count == 0)
            {
                return;
            }

            var batch = CollectionsMarshal.AsSpan(rows);
            _program.RunBody(batch.Length, i => (rows[i].Token, rows[i].Position, rows[i].Slot));
            for (var row = 0; row < batch.Length; row++)
            {
                if (batch[row].Prompt >= 0)
                {
                    _program.KeepForHead(row, batch[row].Prompt);
                }
            }

            rows.Clear();
        }
    }

    public void Fork(int source, int target)
    {
        CheckFilled(source, true);
        CheckFilled(target, false);
        _cache.Share(source, target);
        _lengths[target] = _lengths[source];
    }

    public void Release(int slot)
    {
        CheckFilled(slot, true);
        _cache.Release(slot);
        _lengths[slot] = 0;
    }

    public void Step(ReadOnlySpan<int> slots, ReadOnlySpan<int> tokens, Span<float> logits_RV)
    {
        var rows = new (int Token, int Position, int Slot)[slots.Length];
        for (var i = 0; i < slots.Length; i++)
        {
            CheckFilled(slots[i], true);
            CheckLength(_lengths[slots[i]] + 1);
            rows[i] = (tokens[i], _lengths[slots[i]], slots[i]);
        }

        _program.RunBody(rows.Length, i => rows[i]);
        for (var i = 0; i < rows.Length; i++)
        {
            _lengths[rows[i].Slot]++;
            _program.KeepForHead(i, i);
        }

        RunHead(rows.Length, logits_RV);
    }

    public void Dispose()
    {
        _program.Dispose();
        _cache.Dispose();
        _quantized?.Dispose();
    }

    private void RunHead(int rows, Span<float> logits)
    {
        if (logits.Length < rows * _vocabSize)
        {
            throw new ArgumentException($"{rows} rows of {_vocabSize} logits do not fit into {logits.Length}", nameof(logits));
        }

        fixed (float* target = logits)
        {
            _program.RunHead(rows, target);
        }
    }

    private void CheckFilled(int slot, bool filled)
    {
        if (_lengths[slot] > 0 != filled)
        {
            throw new InvalidOperationException($"slot {slot} is {(filled ? "empty" : "filled")} already");
        }
    }

    private void CheckLength(int length)
    {
        if (length > MaxLength)
        {
            throw new ArgumentException($"a text of {length} tokens was asked for, but there is room for {MaxLength}");
        }
    }
}
