using System.Diagnostics;
using Rlhf.Modeling.Generation;

namespace SamplingBench;

/// <summary>A decoder that counts the time of its calls.</summary>
internal sealed class TimedDecoder(IDecoder decoder) : IDecoder
{
    private readonly Stopwatch _prefill = new();
    private readonly Stopwatch _step = new();

    public int Capacity => decoder.Capacity;

    public int MaxLength => decoder.MaxLength;

    public double PrefillSeconds => _prefill.Elapsed.TotalSeconds;

    public double StepSeconds => _step.Elapsed.TotalSeconds;

    public int Steps { get; private set; }

    public void Prefill(ReadOnlySpan<int> slots, IReadOnlyList<int[]> prompts, Span<float> logits_PV)
    {
        _prefill.Start();
        decoder.Prefill(slots, prompts, logits_PV);
        _prefill.Stop();
    }

    public void Step(ReadOnlySpan<int> slots, ReadOnlySpan<int> tokens, Span<float> logits_RV)
    {
        Steps++;
        _step.Start();
        decoder.Step(slots, tokens, logits_RV);
        _step.Stop();
    }

    public void Fork(int source, int target) => decoder.Fork(source, target);

    public void Release(int slot) => decoder.Release(slot);

    public void Dispose() => decoder.Dispose();
}
