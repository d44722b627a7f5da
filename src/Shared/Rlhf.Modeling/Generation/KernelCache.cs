using Rlhf.Modeling.Transformer;
using Rlhf.Torch.Extensions.Kernels;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Generation;

// Legend: N blocks, K key/value heads, E elements of one head, P E rounded up to 16

/// <summary>
/// Keys and values of all slots in blocks of 32 places. Slots that share a past share its blocks; the one that writes to a shared block
/// gets a copy first (Kwon et al. 2023).
/// </summary>
internal sealed unsafe class KernelCache : IDisposable
{
    /// <summary>Places of one block: RK_BLOCK of the kernels.</summary>
    public const int BlockSize = 32;

    private readonly Tensor[] _keys_NKE;
    private readonly Tensor[] _values_NKP;
    private readonly int[] _table;
    private readonly int[] _owners;
    private readonly int[] _counts;
    private readonly Stack<int> _free = [];

    /// <summary>Makes room.</summary>
    /// <param name="model">Its shape counts.</param>
    /// <param name="slots">The most texts at once.</param>
    /// <param name="maxLength">The most places of one.</param>
    /// <param name="shortNumbers">bfloat16 instead of single precision.</param>
    public KernelCache(CausalLanguageModel model, int slots, int maxLength, bool shortNumbers)
    {
        var config = model.Config;
        BlocksPerSlot = (maxLength + BlockSize - 1) / BlockSize;
        var blocks = slots * BlocksPerSlot;
        _table = new int[blocks];
        _owners = new int[blocks];
        _counts = new int[slots];
        for (var block = blocks - 1; block >= 0; block--)
        {
            _free.Push(block);
        }

        // Not filled: the system hands out the memory when a block is first written to.
        Type = shortNumbers ? KernelType.BFloat16 : KernelType.Float32;
        var dtype = shortNumbers ? ScalarType.BFloat16 : ScalarType.Float32;
        var padded = (config.HeadDim + 15) / 16 * 16;
        _keys_NKE = [.. Enumerable.Range(0, config.NumHiddenLayers).Select(_ => New(config.HeadDim))];
        _values_NKP = [.. Enumerable.Range(0, config.NumHiddenLayers).Select(_ => New(padded))];

        Tensor New(long width) => empty([blocks, config.NumKeyValueHeads, width, BlockSize], dtype: dtype).DetachFromDisposeScope();
    }

    /// <summary>How the numbers are stored.</summary>
    public KernelType Type { get; }

    /// <summary>The length of a slot's line in <see cref="Table"/>.</summary>
    public int BlocksPerSlot { get; }

    /// <summary>The blocks of every slot, [slots · BlocksPerSlot].</summary>
    public ReadOnlySpan<int> Table => _table;

    /// <summary>Blocks that hold something; shared ones count once.</summary>
    public int UsedBlocks => _owners.Count(owners => owners > 0);

    /// <summary>The memory of one layer's keys, [N, K, E, 32].</summary>
    public void* Keys(int layer) => CpuKernels.Pointer(_keys_NKE[layer]);

    /// <summary>The memory of one layer's values, [N, K, 32, P].</summary>
    public void* Values(int layer) => CpuKernels.Pointer(_values_NKP[layer]);

    /// <summary>Gets a place ready to be written: its block is there, and is this slot's alone. Places are prepared in order.</summary>
    public void Prepare(int slot, int position)
    {
        var line = _table.AsSpan(slot * BlocksPerSlot, BlocksPerSlot);
        var index = position / BlockSize;
        if (index == _counts[slot])
        {
            line[index] = Take();
            _counts[slot]++;
        }
        else if (_owners[line[index]] > 1)
        {
            var copy = Take();
            CopyBlock(line[index], copy);
            _owners[line[index]]--;
            line[index] = copy;
        }
    }

    /// <summary>The target gets the source's blocks.</summary>
    public void Share(int source, int target)
    {
        var line = _table.AsSpan(source * BlocksPerSlot, _counts[source]);
        line.CopyTo(_table.AsSpan(target * BlocksPerSlot));
        _counts[target] = _counts[source];
        foreach (var block in line)
        {
            _owners[block]++;
        }
    }

    /// <summary>Gives a slot's blocks back.</summary>
    public void Release(int slot)
    {
        foreach (var block in _table.AsSpan(slot * BlocksPerSlot, _counts[slot]))
        {
            if (--_owners[block] == 0)
            {
                _free.Push(block);
            }
        }

        _counts[slot] = 0;
    }

    public void Dispose()
    {
        foreach (var tensor in _keys_NKE.Concat(_values_NKP))
        {
            tensor.Dispose();
        }
    }

    private int Take()
    {
        // There are as many blocks as all slots can need without sharing, so one is always left.
        var block = _free.Pop();
        _owners[block] = 1;
        return block;
    }

    private void CopyBlock(int source, int target)
    {
        foreach (var tensor in _keys_NKE.Concat(_values_NKP))
        {
            var bytes = tensor.numel() / tensor.shape[0] * tensor.element_size();
            var memory = (byte*)CpuKernels.Pointer(tensor);
            Buffer.MemoryCopy(memory + (source * bytes), memory + (target * bytes), bytes, bytes);
            GC.KeepAlive(tensor);
        }
    }
}
