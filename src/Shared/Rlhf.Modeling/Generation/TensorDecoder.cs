using System.Runtime.InteropServices;
using Rlhf.Modeling.Transformer;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Generation;

// Legend: P prompts, R rows, T tokens, W width of the hidden states, V vocabulary, K key/value heads, L visible places, E elements of one head

/// <summary>
/// Decodes with the model's own layers, so it serves every family, device and precision. Keys and values of a slot stand in one row of a
/// preallocated cache; filled rows are kept together at the front, so that a step on all of them reads the cache where it is.
/// </summary>
internal sealed class TensorDecoder : IDecoder, IKeyValueCache
{
    private const int Empty = -1;
    private readonly CausalLanguageModel _model;
    private readonly Device _device;
    private readonly int _keyValueHeads;
    private readonly Tensor?[] _keys;
    private readonly Tensor?[] _values;
    private readonly int[] _rowOfSlot;
    private readonly int[] _slotOfRow;
    private readonly int[] _lengths;
    private int _filled;

    // What the pass that runs needs to know in every layer.
    private int _layer;
    private int _firstRow;
    private long _visible;
    private Tensor? _rows_R;
    private Tensor? _cells;

    /// <summary>Will have room for the keys and values of all slots: the first prefill takes it.</summary>
    public TensorDecoder(CausalLanguageModel model, int slots, int maxLength)
    {
        var config = model.Config;
        (_model, _device, _keyValueHeads) = (model, model.OutputWeight.device, config.NumKeyValueHeads);
        (Capacity, MaxLength) = (slots, maxLength);
        _keys = new Tensor?[config.NumHiddenLayers];
        _values = new Tensor?[config.NumHiddenLayers];
        _rowOfSlot = new int[slots];
        Array.Fill(_rowOfSlot, Empty);
        _slotOfRow = new int[slots];
        _lengths = new int[slots];
    }

    public int Capacity { get; }

    public int MaxLength { get; }

    public void Prefill(ReadOnlySpan<int> slots, IReadOnlyList<int[]> prompts, Span<float> logits_PV)
    {
        var length = prompts.Max(prompt => prompt.Length);
        CheckLength(length);
        var ids = new long[prompts.Count * length];
        var last = new long[prompts.Count];
        for (var i = 0; i < prompts.Count; i++)
        {
            CheckFilled(slots[i], false);
            for (var t = 0; t < prompts[i].Length; t++)
            {
                ids[(i * length) + t] = prompts[i][t];
            }

            last[i] = ((i + 1) * length) - 1 - (length - prompts[i].Length);
        }

        // Padding on the right needs no mask: nothing before it sees it, and later tokens of the row take its place in the cache.
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        (_layer, _firstRow, _cells) = (0, _filled, null);
        var ids_PT = tensor(ids, [prompts.Count, length]).to(_device);
        var context = AttentionContext.Create(new AttentionInput(ids_PT, null, null, null), _model.Body, _model.Config, this);
        var hidden_PTW = _model.Body.Forward(ids_PT, context);
        var last_PW = hidden_PTW.view(ids.Length, -1).index_select(0, tensor(last).to(_device));
        CopyToHost(_model.Logits(last_PW), logits_PV);
        for (var i = 0; i < prompts.Count; i++)
        {
            AddRow(slots[i], prompts[i].Length);
        }
    }

    public void Fork(int source, int target)
    {
        CheckFilled(source, true);
        CheckFilled(target, false);
        CopyRow(_rowOfSlot[source], _filled);
        AddRow(target, _lengths[_rowOfSlot[source]]);
    }

    public void Release(int slot)
    {
        CheckFilled(slot, true);
        var (hole, moved) = (_rowOfSlot[slot], _filled - 1);
        if (hole != moved)
        {
            CopyRow(moved, hole);
            (_slotOfRow[hole], _lengths[hole]) = (_slotOfRow[moved], _lengths[moved]);
            _rowOfSlot[_slotOfRow[hole]] = hole;
        }

        _rowOfSlot[slot] = Empty;
        _filled--;
    }

    public void Step(ReadOnlySpan<int> slots, ReadOnlySpan<int> tokens, Span<float> logits_RV)
    {
        var rows = new int[slots.Length];
        var order = new int[slots.Length];
        for (var i = 0; i < slots.Length; i++)
        {
            CheckFilled(slots[i], true);
            (rows[i], order[i]) = (_rowOfSlot[slots[i]], i);
        }

        Array.Sort(rows, order);
        var ids = new long[rows.Length];
        var positions = new long[rows.Length];
        for (var i = 0; i < rows.Length; i++)
        {
            (ids[i], positions[i]) = (tokens[order[i]], _lengths[rows[i]]);
            CheckLength(_lengths[rows[i]] + 1);
        }

        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        Prepare(rows, positions);
        var context = AttentionContext.Continuing(_model.Body, positions, _device, this);
        var hidden_R1W = _model.Body.Forward(tensor(ids, [rows.Length, 1]).to(_device), context);
        var logits = _model.Logits(hidden_R1W.squeeze(1));
        var place = new long[rows.Length];
        for (var i = 0; i < rows.Length; i++)
        {
            _lengths[rows[i]]++;
            place[order[i]] = i;
        }

        CopyToHost(logits.index_select(0, tensor(place).to(_device)), logits_RV);
    }

    (Tensor Keys_BKLE, Tensor Values_BKLE) IKeyValueCache.Append(Tensor keys_BTKE, Tensor values_BTKE)
    {
        var layer = _layer++;
        return (Append(ref _keys[layer], keys_BTKE), Append(ref _values[layer], values_BTKE));
    }

    public void Dispose()
    {
        foreach (var tensor in _keys.Concat(_values))
        {
            tensor?.Dispose();
        }
    }

    private Tensor Append(ref Tensor? cache, Tensor entries_BTKE)
    {
        // Rotary positions leave keys in single precision whatever the weights are, so the first entries say what is kept. Zeros, because
        // what lies behind a shorter text is multiplied by probability 0, and 0 times what memory holds may be NaN.
        var shape = entries_BTKE.shape;
        cache ??= zeros([Capacity, shape[2], MaxLength, shape[3]], dtype: entries_BTKE.dtype, device: _device).DetachFromDisposeScope();
        if (_cells is null)
        {
            var entries_PKTE = entries_BTKE.transpose(1, 2);
            cache.narrow(0, _firstRow, shape[0]).narrow(2, 0, shape[1]).copy_(entries_PKTE);
            return entries_PKTE;
        }

        cache.view(-1, shape[3]).index_copy_(0, _cells, entries_BTKE.reshape(-1, shape[3]));
        var visible = cache.narrow(2, 0, _visible);
        return _rows_R is null ? visible.narrow(0, 0, shape[0]) : visible.index_select(0, _rows_R);
    }

    /// <summary>Where the new keys and values of each row go, and which rows are looked at.</summary>
    private void Prepare(int[] rows, long[] positions)
    {
        var cells = new long[rows.Length * _keyValueHeads];
        for (var i = 0; i < cells.Length; i++)
        {
            var row = i / _keyValueHeads;
            cells[i] = ((((long)rows[row] * _keyValueHeads) + (i % _keyValueHeads)) * MaxLength) + positions[row];
        }

        _layer = 0;
        _visible = positions.Max() + 1;
        _cells = tensor(cells).to(_device);
        _rows_R = rows.Length == _filled ? null : tensor(Array.ConvertAll(rows, row => (long)row)).to(_device);
    }

    private void AddRow(int slot, int length)
    {
        (_rowOfSlot[slot], _slotOfRow[_filled], _lengths[_filled]) = (_filled, slot, length);
        _filled++;
    }

    private void CopyRow(int from, int to)
    {
        using var scope = NewDisposeScope();
        foreach (var cache in _keys.Concat(_values))
        {
            Row(cache!, to).copy_(Row(cache!, from));
        }

        Tensor Row(Tensor cache, int row) => cache.select(0, row).narrow(1, 0, _lengths[from]);
    }

    private void CheckFilled(int slot, bool filled)
    {
        if (_rowOfSlot[slot] == Empty == filled)
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

    private static void CopyToHost(Tensor logits, Span<float> target) =>
        MemoryMarshal.Cast<byte, float>(logits.to_type(ScalarType.Float32).to(CPU).contiguous().bytes).CopyTo(target);
}
