namespace Rlhf.Numerics.Comparison;

/// <summary>One comparison of two players.</summary>
/// <param name="First">Index of one player.</param>
/// <param name="Second">Index of the other.</param>
/// <param name="Score">1 if the first won, 0 if the second did, ½ for a tie.</param>
public readonly record struct Game(int First, int Second, double Score);
