using System.Numerics;

namespace Rlhf.Modeling.Generation;

/// <summary>Sums and maxima over a vocabulary, vectorised; sums are kept in double precision.</summary>
internal static class VectorMath
{
    /// <summary>The largest of the values; at least one is needed.</summary>
    public static float Max(ReadOnlySpan<float> values)
    {
        var max = float.NegativeInfinity;
        var i = 0;
        if (values.Length >= Vector<float>.Count)
        {
            var maxima = new Vector<float>(values);
            for (; i <= values.Length - Vector<float>.Count; i += Vector<float>.Count)
            {
                maxima = Vector.Max(maxima, new Vector<float>(values[i..]));
            }

            for (var lane = 0; lane < Vector<float>.Count; lane++)
            {
                max = MathF.Max(max, maxima[lane]);
            }
        }

        for (; i < values.Length; i++)
        {
            max = MathF.Max(max, values[i]);
        }

        return max;
    }

    /// <summary>Sum of the values.</summary>
    public static double Sum(ReadOnlySpan<float> values)
    {
        var sums = Vector<double>.Zero;
        var i = 0;
        for (; i <= values.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            Vector.Widen(new Vector<float>(values[i..]), out var low, out var high);
            sums += low + high;
        }

        var total = Vector.Sum(sums);
        for (; i < values.Length; i++)
        {
            total += values[i];
        }

        return total;
    }

    /// <summary>Sum of exp((value − max) · scale).</summary>
    public static double SumExp(ReadOnlySpan<float> values, float max, float scale)
    {
        var sums = Vector<double>.Zero;
        var i = 0;
        for (; i <= values.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            Vector.Widen(Vector.Exp((new Vector<float>(values[i..]) - new Vector<float>(max)) * scale), out var low, out var high);
            sums += low + high;
        }

        var total = Vector.Sum(sums);
        for (; i < values.Length; i++)
        {
            total += MathF.Exp((values[i] - max) * scale);
        }

        return total;
    }

    /// <summary>Sets the weights to exp((value − max) · scale).</summary>
    /// <returns>Their sum.</returns>
    public static double Exp(ReadOnlySpan<float> values, float max, float scale, Span<float> weights)
    {
        var sums = Vector<double>.Zero;
        var i = 0;
        for (; i <= values.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            var exponentials = Vector.Exp((new Vector<float>(values[i..]) - new Vector<float>(max)) * scale);
            exponentials.CopyTo(weights[i..]);
            Vector.Widen(exponentials, out var low, out var high);
            sums += low + high;
        }

        var total = Vector.Sum(sums);
        for (; i < values.Length; i++)
        {
            weights[i] = MathF.Exp((values[i] - max) * scale);
            total += weights[i];
        }

        return total;
    }
}
