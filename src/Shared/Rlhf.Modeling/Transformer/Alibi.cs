namespace Rlhf.Modeling.Transformer;

/// <summary>Attention with linear biases (Press et al. 2022): every head adds slope · position of the key to its scores.</summary>
internal static class Alibi
{
    /// <summary>
    /// The slopes 2^(−8/n), 2^(−16/n), … for n heads, n a power of two; for other numbers of heads those of the next lower power of
    /// two n, then every other one of those for 2n.
    /// </summary>
    /// <param name="heads">The number of heads.</param>
    public static float[] Slopes(int heads)
    {
        var power = 1 << (int)Math.Log2(heads);
        return
        [
            .. Enumerable.Range(1, power).Select(i => MathF.Pow(Base(power), i)),
            .. Enumerable.Range(0, heads - power).Select(i => MathF.Pow(Base(2 * power), (2 * i) + 1)),
        ];
    }

    private static float Base(int power) => (float)Math.Pow(2, -8.0 / power);
}
