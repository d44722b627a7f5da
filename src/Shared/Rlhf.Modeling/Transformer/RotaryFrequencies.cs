namespace Rlhf.Modeling.Transformer;

/// <summary>Radians per position of every turned pair, theta^(−2i/R), changed as rope_scaling says.</summary>
internal static class RotaryFrequencies
{
    /// <param name="config">Base, width R and scaling.</param>
    /// <param name="length">The length of the text at hand; counts for dynamic scaling only.</param>
    /// <returns>R/2 frequencies, and the factor of the tables.</returns>
    public static (float[] Frequencies, float TableFactor) Compute(TransformerConfig config, long length)
    {
        var dimension = config.RotaryDim;
        var plain = Plain(config.RopeTheta, dimension);
        return config.RopeScaling switch
        {
            { RopeType: "linear", Factor: var factor } => ([.. plain.Select(frequency => (float)(frequency / factor))], 1f),
            { RopeType: "dynamic", Factor: var factor } => (Dynamic(config, factor, length), 1f),
            { RopeType: "llama3" } scaling => ([.. plain.Select(frequency => Llama3(frequency, scaling))], 1f),
            { RopeType: "yarn" } scaling => Yarn(plain, config, scaling),
            _ => (plain, 1f),
        };
    }

    // Rounded to single precision where the reference rounds, so that far positions turn by the same angle.
    private static float[] Plain(double theta, int dimension) =>
        [.. Enumerable.Range(0, dimension / 2).Select(i => 1f / (float)Math.Pow(theta, 2.0 * i / dimension))];

    /// <summary>The base grows with the length once that exceeds max_position_embeddings.</summary>
    private static float[] Dynamic(TransformerConfig config, double factor, long length)
    {
        var dimension = config.RotaryDim;
        double trained = config.MaxPositionEmbeddings;
        var stretch = (factor * Math.Max(length, trained) / trained) - (factor - 1);
        return Plain(config.RopeTheta * Math.Pow(stretch, dimension / (dimension - 2.0)), dimension);
    }

    private static float Llama3(float frequency, RopeScaling scaling)
    {
        var (low, high, original) = (scaling.LowFreqFactor!.Value, scaling.HighFreqFactor!.Value, scaling.OriginalMaxPositionEmbeddings!.Value);
        var turns = original * frequency / (2 * Math.PI);
        var smooth = Math.Clamp((turns - low) / (high - low), 0, 1);
        return (float)(((1 - smooth) * frequency / scaling.Factor) + (smooth * frequency));
    }

    /// <summary>Peng et al. 2023, section 3.2: a linear ramp over the dimensions between those that stay and those that are interpolated.</summary>
    private static (float[] Frequencies, float TableFactor) Yarn(float[] plain, TransformerConfig config, RopeScaling scaling)
    {
        double original = scaling.OriginalMaxPositionEmbeddings ?? config.MaxPositionEmbeddings;
        var dimension = config.RotaryDim;
        var low = Math.Max(Math.Floor(DimensionOf(scaling.BetaFast ?? 32)), 0);
        var high = Math.Min(Math.Ceiling(DimensionOf(scaling.BetaSlow ?? 1)), dimension - 1);
        high = low == high ? high + 0.001 : high;
        var factor = scaling.AttentionFactor ?? ((0.1 * Math.Log(scaling.Factor)) + 1);
        return ([.. plain.Select(Ramped)], (float)(scaling.Factor > 1 || scaling.AttentionFactor is not null ? factor : 1));

        // The dimension that turns so many times in the original length.
        double DimensionOf(double turns) => dimension * Math.Log(original / (turns * 2 * Math.PI)) / (2 * Math.Log(config.RopeTheta));

        float Ramped(float frequency, int i)
        {
            var interpolated = Math.Clamp((i - low) / (high - low), 0, 1);
            return (float)((frequency / scaling.Factor * interpolated) + (frequency * (1 - interpolated)));
        }
    }
}
