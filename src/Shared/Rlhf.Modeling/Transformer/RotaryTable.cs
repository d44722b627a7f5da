using static TorchSharp.torch;

namespace Rlhf.Modeling.Transformer;

// Legend: B batch, T tokens, R rotary positions, E elements of one head

/// <summary>
/// Rotary position embeddings (Su et al. 2021) in the half-rotation layout of Llama: element i of a head turns together with
/// element i + E/2, by position · theta^(−2i/E). With the sine negated in the first half, the turn is
/// x · cos + swapHalves(x) · sin. The query's tables carry attention's factor 1/√E, which saves a pass over the scores.
/// </summary>
internal sealed class RotaryTable : IDisposable
{
    /// <summary>Short contexts have their whole table from the start; long ones grow it when a long text comes.</summary>
    private const int InitialPositions = 2048;

    private readonly TransformerConfig _config;
    private Tensor? _tables_4RE;

    public RotaryTable(TransformerConfig config)
    {
        _config = config;
        _tables_4RE = Build(Math.Min(InitialPositions, config.MaxPositionEmbeddings));
    }

    /// <summary>Tables for positions 0 … T−1, each [T, 1, E].</summary>
    public RotaryFactors ForLength(long length, Device device)
    {
        var tables_4TE = Tables(length, device).narrow(1, 0, length);
        return Factors(index => tables_4TE.select(0, index).unsqueeze(1));
    }

    /// <summary>Tables for given positions, each [*positions, 1, E].</summary>
    /// <param name="positions">int64, any shape.</param>
    /// <param name="length">One more than the largest position.</param>
    public RotaryFactors ForPositions(Tensor positions, long length)
    {
        var tables_4RE = Tables(length, positions.device);
        long[] shape = [.. positions.shape, 1, _config.HeadDim];
        var flat = positions.reshape(-1);
        return Factors(index => tables_4RE.select(0, index).index_select(0, flat).view(shape));
    }

    public void Dispose()
    {
        _tables_4RE?.Dispose();
        _tables_4RE = null;
    }

    private static RotaryFactors Factors(Func<int, Tensor> table) => new(table(0), table(1), table(2), table(3));

    private Tensor Tables(long length, Device device)
    {
        ObjectDisposedException.ThrowIf(_tables_4RE is null, this);
        if (length > _tables_4RE.shape[1])
        {
            var grown = Math.Min(_config.MaxPositionEmbeddings, Math.Max(length, 2 * _tables_4RE.shape[1]));
            _tables_4RE.Dispose();
            _tables_4RE = Build((int)grown);
        }

        if (_tables_4RE.device.type != device.type || _tables_4RE.device.index != device.index)
        {
            var moved = _tables_4RE.to(device).DetachFromDisposeScope();
            _tables_4RE.Dispose();
            _tables_4RE = moved;
        }

        return _tables_4RE;
    }

    private Tensor Build(int positions)
    {
        var half = _config.HeadDim / 2;
        var plane = positions * _config.HeadDim;
        var scale = (float)(1 / Math.Sqrt(_config.HeadDim));
        var values = new float[4 * plane];
        for (var i = 0; i < half; i++)
        {
            // Single precision at the same places as the reference, so that far positions turn by the same angle.
            var frequency = 1f / (float)Math.Pow(_config.RopeTheta, 2.0 * i / _config.HeadDim);
            for (var position = 0; position < positions; position++)
            {
                var (sin, cos) = MathF.SinCos(position * frequency);
                var first = (position * _config.HeadDim) + i;
                var second = first + half;
                values[first] = values[second] = cos;
                values[plane + first] = -sin;
                values[plane + second] = sin;
                values[(2 * plane) + first] = values[(2 * plane) + second] = cos * scale;
                values[(3 * plane) + first] = -sin * scale;
                values[(3 * plane) + second] = sin * scale;
            }
        }

        return tensor(values, [4, positions, _config.HeadDim]).DetachFromDisposeScope();
    }
}

/// <summary>Cosines and signed sines for the keys, and the same times 1/√E for the queries.</summary>
internal sealed record RotaryFactors(Tensor KeyCos, Tensor KeySin, Tensor QueryCos, Tensor QuerySin)
{
    /// <summary>Turns the keys.</summary>
    /// <param name="keys">[…, heads, E].</param>
    public Tensor TurnKeys(Tensor keys) => Turn(keys, KeyCos, KeySin);

    /// <summary>Turns the queries and scales them by 1/√E.</summary>
    /// <param name="queries">[…, heads, E].</param>
    public Tensor TurnQueries(Tensor queries) => Turn(queries, QueryCos, QuerySin);

    private static Tensor Turn(Tensor x, Tensor cos, Tensor sin)
    {
        var half = x.shape[^1] / 2;
        var swapped = cat([x.narrow(-1, half, half), x.narrow(-1, 0, half)], -1);
        return (x * cos) + (swapped * sin);
    }
}
