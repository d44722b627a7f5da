using Rlhf.Modeling.Generation;

namespace Rlhf.Modeling.Tests.Generation;

/// <summary>A decoder without a model: a function of the text gives the logits. It keeps count of what it was asked for.</summary>
internal sealed class ScriptedDecoder(int capacity, int vocabSize, Func<IReadOnlyList<int>, float[]> script) : IDecoder
{
    private readonly List<int>?[] _texts = new List<int>?[capacity];

    public int Capacity => capacity;

    public int MaxLength => int.MaxValue;

    /// <summary>The prompts of each prefill.</summary>
    public List<int[][]> Prefills { get; } = [];

    /// <summary>The number of rows of each step.</summary>
    public List<int> StepRows { get; } = [];

    /// <summary>A decoder that is all but certain of the next token.</summary>
    public static ScriptedDecoder Saying(int capacity, int vocabSize, Func<IReadOnlyList<int>, int> next) => new(capacity, vocabSize, text =>
    {
        var logits = new float[vocabSize];
        logits[next(text)] = 20;
        return logits;
    });

    public int Filled => _texts.Count(text => text is not null);

    public bool Disposed { get; private set; }

    public void Prefill(ReadOnlySpan<int> slots, IReadOnlyList<int[]> prompts, Span<float> logits_PV)
    {
        Prefills.Add([.. prompts]);
        for (var i = 0; i < slots.Length; i++)
        {
            Assert.Null(_texts[slots[i]]);
            _texts[slots[i]] = [.. prompts[i]];
            Say(slots[i], logits_PV.Slice(i * vocabSize, vocabSize));
        }
    }

    public void Fork(int source, int target)
    {
        Assert.Null(_texts[target]);
        _texts[target] = [.. _texts[source]!];
    }

    public void Release(int slot)
    {
        Assert.NotNull(_texts[slot]);
        _texts[slot] = null;
    }

    public void Step(ReadOnlySpan<int> slots, ReadOnlySpan<int> tokens, Span<float> logits_RV)
    {
        StepRows.Add(slots.Length);
        for (var i = 0; i < slots.Length; i++)
        {
            _texts[slots[i]]!.Add(tokens[i]);
            Say(slots[i], logits_RV.Slice(i * vocabSize, vocabSize));
        }
    }

    public void Dispose() => Disposed = true;

    private void Say(int slot, Span<float> logits) => script(_texts[slot]!).CopyTo(logits);
}
