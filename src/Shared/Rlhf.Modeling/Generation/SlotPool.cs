namespace Rlhf.Modeling.Generation;

/// <summary>Hands out a decoder's empty slots.</summary>
internal sealed class SlotPool(IDecoder decoder)
{
    private readonly Stack<int> _empty = new(Enumerable.Range(0, decoder.Capacity).Reverse());

    /// <summary>How many slots are empty.</summary>
    public int Empty => _empty.Count;

    /// <summary>An empty slot, to be filled by a prefill.</summary>
    public int Take() => _empty.Pop();

    /// <summary>A slot with the past of another one.</summary>
    public int Fork(int source)
    {
        var target = _empty.Pop();
        decoder.Fork(source, target);
        return target;
    }

    /// <summary>Empties a filled slot.</summary>
    public void Return(int slot)
    {
        decoder.Release(slot);
        _empty.Push(slot);
    }
}
