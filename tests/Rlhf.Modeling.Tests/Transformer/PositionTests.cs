using Rlhf.Modeling.Transformer;

namespace Rlhf.Modeling.Tests.Transformer;

/// <summary>Rotary frequencies and ALiBi slopes against calculation by hand.</summary>
public sealed class PositionTests
{
    // Head dimension 8, theta 10000: 10000^(−2i/8) for i = 0 … 3.
    private static readonly float[] Plain = [1f, 0.1f, 0.01f, 0.001f];

    private static readonly TransformerConfig Config = TinyModels.Config;

    [Fact]
    public void Frequencies_DefaultLinearAndPartial()
    {
        AssertClose(Plain, Frequencies(null));
        AssertClose([0.25f, 0.025f, 0.0025f, 0.00025f], Frequencies(new RopeScaling("linear", 4)));

        // Half of the head: 10000^(−2i/4).
        AssertClose([1f, 0.01f], RotaryFrequencies.Compute(Config with { PartialRotaryFactor = 0.5 }, 64).Frequencies);
    }

    [Fact]
    public void Frequencies_Dynamic_ChangeBeyondTheTrainedLengthOnly()
    {
        var scaling = new RopeScaling("dynamic", 2);
        AssertClose(Plain, Frequencies(scaling, 64));

        // 96 of 64: base 10000 · (2 · 96/64 − 1)^(8/6) = 10000 · 2^(4/3); frequency i is that to −i/4.
        var theta = 10000 * Math.Pow(2, 4.0 / 3);
        AssertClose([.. Enumerable.Range(0, 4).Select(i => (float)Math.Pow(theta, -i / 4.0))], Frequencies(scaling, 96));
    }

    [Fact]
    public void Frequencies_Llama3_LongWavesSlowShortStayBetweenBlend()
    {
        // Turns in 640 places: 101.9, 10.19, 1.019, 0.1019. Above 4: stays. Below 1: an eighth. Between: (1.0186 − 1) / 3 = 0.006197 of
        // the way from an eighth (0.00125) to the whole (0.01): 0.00130422.
        var scaling = new RopeScaling("llama3", 8) { LowFreqFactor = 1, HighFreqFactor = 4, OriginalMaxPositionEmbeddings = 640 };
        AssertClose([1f, 0.1f, 0.00130422f, 0.000125f], Frequencies(scaling));
    }

    [Fact]
    public void Frequencies_Yarn_RampAndFactor()
    {
        // The dimension that turns n times in 64 places: 8 · ln(64 / (2πn)) / (2 · ln 10000); n = 32: −0.497 → 0; n = 1: 1.008 → 2.
        // The ramp from 0 to 2 is 0, ½, 1, 1: frequencies 1, 0.1 · (½ + ½/4), 0.01/4, 0.001/4. The factor is 0.1 · ln 4 + 1.
        var (frequencies, factor) = RotaryFrequencies.Compute(Config with { RopeScaling = new RopeScaling("yarn", 4) }, 64);
        AssertClose([1f, 0.0625f, 0.0025f, 0.00025f], frequencies);
        Assert.Equal(1.1386294f, factor, 1e-6f);
    }

    [Fact]
    public void Slopes_PowersOfTwoAndBetween()
    {
        // 8 heads: 2^−1 … 2^−8. 3 heads: those of 2 (2^−4, 2^−8), then the first of 4 (2^−2).
        Assert.Equal([0.5f, 0.25f, 0.125f, 0.0625f, 0.03125f, 0.015625f, 0.0078125f, 0.00390625f], Alibi.Slopes(8));
        Assert.Equal([0.0625f, 0.00390625f, 0.25f], Alibi.Slopes(3));
        Assert.Equal([0.00390625f], Alibi.Slopes(1));
    }

    private static float[] Frequencies(RopeScaling? scaling, long length = 64) =>
        RotaryFrequencies.Compute(Config with { RopeScaling = scaling }, length).Frequencies;

    private static void AssertClose(float[] expected, float[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, pair.First * 1e-5f));
    }
}
