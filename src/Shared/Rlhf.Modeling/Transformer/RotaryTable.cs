using static TorchSharp.torch;

namespace Rlhf.Modeling.Transformer;

// Legend: P positions, R turned elements of one head

/// <summary>
/// Rotary position embeddings (Su et al. 2021) in the half-rotation layout that all supported families have: element i of a head turns
/// together with element i + R/2, by position · frequency i. With the sine negated in the first half, the turn is
/// x · cos + swapHalves(x) · sin.
/// </summary>
internal sealed class RotaryTable : IDisposable
{
    /// <summary>Short contexts have their whole table from the start; long ones grow it when a long text comes.</summary>
    private const int InitialPositions = 2048;

    private readonly TransformerConfig _config;
    private Tensor? _tables_2PR;
    private long _length;

    public RotaryTable(TransformerConfig config)
    {
        _config = config;
        Build(Math.Min(InitialPositions, config.MaxPositionEmbeddings));
    }

    /// <summary>Tables for positions 0 … length − 1, each [length, 1, R].</summary>
    public RotaryFactors ForLength(long length, Device device)
    {
        var tables_2TR = Tables(length, device).narrow(1, 0, length);
        return new RotaryFactors(tables_2TR.select(0, 0).unsqueeze(1), tables_2TR.select(0, 1).unsqueeze(1));
    }

    /// <summary>Tables for given positions, each [*positions, 1, R].</summary>
    /// <param name="positions">int64, any shape.</param>
    /// <param name="length">One more than the largest position.</param>
    public RotaryFactors ForPositions(Tensor positions, long length)
    {
        var tables_2PR = Tables(length, positions.device);
        long[] shape = [.. positions.shape, 1, _config.RotaryDim];
        var flat = positions.reshape(-1);
        return new RotaryFactors(Rows(0), Rows(1));

        Tensor Rows(long table) => tables_2PR.select(0, table).index_select(0, flat).view(shape);
    }

    /// <summary>The tables without their repetition: cosines and sines of positions 0 … length − 1, each [length, R/2].</summary>
    public (Tensor Cos, Tensor Sin) HalfTables(long length, Device device)
    {
        var tables_2TR = Tables(length, device).narrow(1, 0, length);
        var half = _config.RotaryDim / 2;
        return (tables_2TR.select(0, 0).narrow(1, 0, half).contiguous(), tables_2TR.select(0, 1).narrow(1, half, half).contiguous());
    }

    public void Dispose()
    {
        _tables_2PR?.Dispose();
        _tables_2PR = null;
    }

    private Tensor Tables(long length, Device device)
    {
        ObjectDisposedException.ThrowIf(_tables_2PR is null, this);
        if (_config.RopeScaling?.RopeType == "dynamic")
        {
            // Beyond the trained length the frequencies depend on the length, so the table is that of this length.
            var wanted = Math.Max(length, Math.Min(InitialPositions, _config.MaxPositionEmbeddings));
            if (wanted != _length && (wanted > _config.MaxPositionEmbeddings || _length > _config.MaxPositionEmbeddings || wanted > _length))
            {
                Build(wanted);
            }
        }
        else if (length > _length)
        {
            Build(Math.Min(_config.MaxPositions, Math.Max(length, 2 * _length)));
        }

        if (!_tables_2PR!.device.Equals(device))
        {
            var moved = _tables_2PR.to(device).DetachFromDisposeScope();
            _tables_2PR.Dispose();
            _tables_2PR = moved;
        }

        return _tables_2PR;
    }

    private void Build(long positions)
    {
        var (frequencies, factor) = RotaryFrequencies.Compute(_config, positions);
        var width = _config.RotaryDim;
        var plane = positions * width;
        var values = new float[2 * plane];
        for (var i = 0; i < width / 2; i++)
        {
            for (var position = 0L; position < positions; position++)
            {
                var (sin, cos) = MathF.SinCos(position * frequencies[i]);
                var first = (position * width) + i;
                var second = first + (width / 2);
                values[first] = values[second] = cos * factor;
                values[plane + first] = -sin * factor;
                values[plane + second] = sin * factor;
            }
        }

        _tables_2PR?.Dispose();
        _tables_2PR = tensor(values, [2, positions, width]).DetachFromDisposeScope();
        _length = positions;
    }
}

/// <summary>Cosines and signed sines of every place, [T, 1, R] or [B, T, 1, R].</summary>
internal sealed record RotaryFactors(Tensor Cos, Tensor Sin);
