using System.Globalization;
using System.Text.Json;
using static TorchSharp.torch;

namespace Rlhf.Torch.Tests;

internal static class Numbers
{
    /// <summary>The elements in double precision, row by row.</summary>
    public static double[] Of(Tensor tensor)
    {
        using var converted = tensor.detach().to_type(float64);
        return converted.data<double>().ToArray();
    }

    /// <summary>Every element within a few units of single precision's last place of the expected one.</summary>
    public static void Close(double[] expected, Tensor actual, double tolerance = 2e-6)
    {
        var numbers = Of(actual);
        Assert.Equal(expected.Length, numbers.Length);
        for (var i = 0; i < numbers.Length; i++)
        {
            if (double.IsFinite(expected[i]))
            {
                Assert.True(
                    Math.Abs(expected[i] - numbers[i]) <= tolerance * Math.Max(1, Math.Abs(expected[i])),
                    string.Create(CultureInfo.InvariantCulture, $"element {i}: {numbers[i]} instead of {expected[i]}"));
            }
            else
            {
                Assert.Equal(expected[i], numbers[i]);
            }
        }
    }

    public static double FromPython(JsonElement text) => text.GetString() switch
    {
        "inf" => double.PositiveInfinity,
        "-inf" => double.NegativeInfinity,
        "nan" => double.NaN,
        var number => double.Parse(number!, CultureInfo.InvariantCulture),
    };
}
