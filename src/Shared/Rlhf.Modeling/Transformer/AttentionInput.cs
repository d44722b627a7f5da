using static TorchSharp.torch;

namespace Rlhf.Modeling.Transformer;

// Legend: B batch, T tokens

/// <summary>
/// What a forward pass is told about its tokens besides their ids, checked and brought to host memory. Rows are documents with padding
/// on either side, or several documents one after the other (packed).
/// </summary>
internal sealed class AttentionInput
{
    private readonly long _length;
    private readonly long[]? _mask;
    private readonly long[]? _sequences;

    /// <param name="inputIds_BT">Only its shape and device count.</param>
    /// <param name="attentionMask_BT">1 real, 0 padding; null: all real.</param>
    /// <param name="positionIds_BT">Null: counted over real tokens, from 0 in every document.</param>
    /// <param name="sequenceIds_BT">
    /// Equal numbers beside each other are one document, 0 is padding. Null: one document a row – unless there is no mask and given
    /// positions start again at 0 inside a row, which then begins a document there, as with packed rows in transformers.
    /// </param>
    public AttentionInput(Tensor inputIds_BT, Tensor? attentionMask_BT, Tensor? positionIds_BT, Tensor? sequenceIds_BT)
    {
        Shape = inputIds_BT.shape;
        if (Shape.Length != 2 || Shape[0] < 1 || Shape[1] < 1)
        {
            throw new ArgumentException($"inputIds must have shape [B, T] with B and T at least 1, found [{string.Join(", ", Shape)}]");
        }

        _length = Shape[1];
        Device = inputIds_BT.device;
        _mask = HostCopy("attentionMask", attentionMask_BT);
        _sequences = HostCopy("sequenceIds", sequenceIds_BT);
        Positions = HostCopy("positionIds", positionIds_BT);
        if (Positions is not null && Positions.Min() < 0)
        {
            throw new ArgumentException($"positionIds must not be negative, found {Positions.Min()}");
        }

        if (_sequences is not null)
        {
            CheckSequences(_sequences);
            _mask = [.. _sequences.Select((sequence, i) => sequence != 0 && (_mask is null || _mask[i] != 0) ? 1L : 0L)];
        }
        else if (_mask is null && Positions is not null)
        {
            _sequences = Restarts(Positions);
        }

        Positions ??= _sequences is null && (_mask is null || IsRightPadded(_mask)) ? null : CountedPositions();
    }

    /// <summary>[B, T].</summary>
    public long[] Shape { get; }

    public Device Device { get; }

    /// <summary>[B · T]; null: 0 … T − 1 in every row.</summary>
    public long[]? Positions { get; }

    /// <summary>
    /// [B · T], 0 for padding; null where causality hides all padding: behind the last real token of a row nothing needs a mask.
    /// </summary>
    public long[]? KeyMask => _mask is null || IsRightPadded(_mask) ? null : _mask;

    /// <summary>[B · T]: only tokens with equal numbers see each other; null: all of a row do.</summary>
    public long[]? Sequences => _sequences;

    /// <summary>One more than the largest position.</summary>
    public long End => Positions is null ? _length : Positions.Max() + 1;

    private bool IsRightPadded(long[] mask)
    {
        for (var i = 1; i < mask.Length; i++)
        {
            if (i % _length != 0 && mask[i] > mask[i - 1])
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Places counted over the real tokens of each document; padding gets 1, as in the reference library.</summary>
    private long[] CountedPositions()
    {
        var positions = new long[Shape[0] * _length];
        var next = 0L;
        for (var i = 0L; i < positions.Length; i++)
        {
            var begins = i % _length == 0 || (_sequences is not null && _sequences[i] != _sequences[i - 1]);
            next = begins ? 0 : next;
            positions[i] = _mask is null || _mask[i] != 0 ? next++ : 1;
        }

        return positions;
    }

    /// <summary>Numbers the documents of rows whose positions start again at 0; null if there are no such rows.</summary>
    private long[]? Restarts(long[] positions)
    {
        var sequences = new long[positions.Length];
        var packed = false;
        for (var i = 0L; i < positions.Length; i++)
        {
            var inside = i % _length != 0;
            packed |= inside && positions[i] == 0;
            sequences[i] = inside ? sequences[i - 1] + (positions[i] == 0 ? 1 : 0) : 1;
        }

        return packed ? sequences : null;
    }

    /// <summary>A document in two pieces would have its second piece's positions start again: that is surely a mistake.</summary>
    private void CheckSequences(long[] sequences)
    {
        for (var row = 0L; row < Shape[0]; row++)
        {
            var seen = new HashSet<long>();
            for (var i = row * _length; i < (row + 1) * _length; i++)
            {
                var begins = i == row * _length || sequences[i] != sequences[i - 1];
                if (sequences[i] < 0 || (begins && sequences[i] != 0 && !seen.Add(sequences[i])))
                {
                    throw new ArgumentException(
                        $"sequenceIds must be 0 for padding and otherwise positive, with equal numbers beside each other; "
                        + $"found {sequences[i]} at [{row}, {i % _length}]");
                }
            }
        }
    }

    private long[]? HostCopy(string name, Tensor? values_BT)
    {
        if (values_BT is null)
        {
            return null;
        }

        if (!values_BT.shape.SequenceEqual(Shape))
        {
            throw new ArgumentException(
                $"{name} has shape [{string.Join(", ", values_BT.shape)}], inputIds [{string.Join(", ", Shape)}]: they must agree");
        }

        using var scope = NewDisposeScope();
        return values_BT.to_type(ScalarType.Int64).to(CPU).contiguous().data<long>().ToArray();
    }
}
