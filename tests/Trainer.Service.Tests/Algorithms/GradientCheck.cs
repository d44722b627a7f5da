using static TorchSharp.torch;

namespace Trainer.Service.Tests.Algorithms;

/// <summary>Gradients against central differences, (f(x + h) − f(x − h)) / 2h, in double precision: no formula of the code under test is used twice.</summary>
internal static class GradientCheck
{
    // The error of the difference is about h² from the curve and 1e-16/h from rounding: both are far below the tolerance.
    private const double Step = 1e-6;
    private const double Tolerance = 1e-7;

    /// <summary>Checks the gradient with respect to every element of every input.</summary>
    /// <param name="loss">A function of the inputs, one number; must be smooth near them.</param>
    /// <param name="inputs">Values, and the shape they have.</param>
    public static void Check(Func<Tensor[], Tensor> loss, params (double[] Values, long[] Shape)[] inputs)
    {
        using var scope = NewDisposeScope();
        var leaves = inputs.Select(i => tensor(i.Values, i.Shape).requires_grad_(true)).ToArray();
        loss(leaves).backward();
        for (var which = 0; which < inputs.Length; which++)
        {
            var analytic = leaves[which].grad?.data<double>().ToArray() ?? new double[inputs[which].Values.Length];
            for (var element = 0; element < analytic.Length; element++)
            {
                var numeric = (Moved(which, element, Step) - Moved(which, element, -Step)) / (2 * Step);
                Assert.True(
                    Math.Abs(numeric - analytic[element]) <= Tolerance * Math.Max(1, Math.Abs(numeric)),
                    $"input {which}, element {element}: the gradient is {analytic[element]:R}, the difference quotient {numeric:R}");
            }
        }

        double Moved(int which, int element, double by)
        {
            using var inner = NewDisposeScope();
            using var noGrad = no_grad();
            var moved = inputs.Select((input, i) =>
            {
                var values = (double[])input.Values.Clone();
                values[element % values.Length] += i == which ? by : 0;
                return tensor(values, input.Shape);
            }).ToArray();
            return loss(moved).item<double>();
        }
    }
}
