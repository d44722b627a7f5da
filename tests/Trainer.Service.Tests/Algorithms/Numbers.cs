using TorchSharp;
using static TorchSharp.torch;

namespace Trainer.Service.Tests.Algorithms;

/// <summary>Comparison of tensors with expected numbers.</summary>
internal static class Numbers
{
    /// <summary>Every element within the tolerance; NaN is expected where nothing is to be compared.</summary>
    public static void AreClose(double[] expected, Tensor actual, double tolerance, string what = "")
    {
        var numbers = actual.detach().to_type(float64).contiguous().data<double>().ToArray();
        Assert.Equal(expected.Length, numbers.Length);
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.True(
                double.IsNaN(expected[i]) || Math.Abs(expected[i] - numbers[i]) <= tolerance,
                $"{what}[{i}]: expected {expected[i]:r}, got {numbers[i]:r}, tolerance {tolerance:g3}");
        }
    }
}
