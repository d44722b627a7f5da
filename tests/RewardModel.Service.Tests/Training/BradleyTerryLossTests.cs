using System.Text.Json;
using RewardModel.Service.Training;
using Rlhf.Numerics;
using Rlhf.TestSupport;
using TorchSharp;
using static TorchSharp.torch;

namespace RewardModel.Service.Tests.Training;

public sealed class BradleyTerryLossTests
{
    [Fact]
    [Trait("Category", "Parity")]
    public void Compute_FixtureCases_GiveStatedLossAndGradient()
    {
        var file = JsonFixture.Load("fixtures", "algorithms", "reward_losses.json");
        var tolerance = file.GetProperty("tolerance_abs").GetDouble();
        foreach (var entry in file.GetProperty("pairs").GetProperty("cases").EnumerateArray())
        {
            using var scope = NewDisposeScope();
            var chosen = tensor(entry.GetProperty("chosen").Numbers()).requires_grad_();
            var rejected = tensor(entry.GetProperty("rejected").Numbers()).requires_grad_();

            var loss = BradleyTerryLoss.Compute(
                chosen,
                rejected,
                Constant(entry, "probability_that_chosen_is_better"),
                Constant(entry, "margin"),
                entry.Optional("centering") ?? 0);
            loss.backward();

            Assert.Equal(entry.GetProperty("value").GetDouble(), loss.item<double>(), tolerance);
            AssertClose(entry.GetProperty("gradient").GetProperty("chosen").Numbers(), chosen.grad!, tolerance);
            AssertClose(entry.GetProperty("gradient").GetProperty("rejected").Numbers(), rejected.grad!, tolerance);

            Tensor? Constant(JsonElement from, string field) =>
                from.Optional(field) is { } value ? full(chosen.shape, value, dtype: float64) : null;
        }
    }

    [Fact]
    public void Compute_Gradient_EqualsFiniteDifferences()
    {
        const double step = 1e-6;
        using var scope = NewDisposeScope();
        var random = new Philox(4);
        double[] Draw() => [.. Enumerable.Range(0, 5).Select(_ => random.NextNormal())];
        var (chosen, rejected) = (Draw(), Draw());
        var labels = tensor(new double[] { 1, 0.5, 1, 0.5, 0.8 });
        var margins = tensor(new double[] { 0, 0, 0.5, 0, 1 });
        Tensor Loss(double[] c, double[] r) => BradleyTerryLoss.Compute(tensor(c), tensor(r), labels, margins, 0.01);
        var chosenTensor = tensor(chosen).requires_grad_();
        BradleyTerryLoss.Compute(chosenTensor, tensor(rejected), labels, margins, 0.01).backward();
        var analytic = chosenTensor.grad!.data<double>().ToArray();

        for (var i = 0; i < chosen.Length; i++)
        {
            var (up, down) = ((double[])chosen.Clone(), (double[])chosen.Clone());
            up[i] += step;
            down[i] -= step;
            Assert.Equal((Loss(up, rejected) - Loss(down, rejected)).item<double>() / (2 * step), analytic[i], 1e-8);
        }
    }

    [Fact]
    public void Compute_Tie_IsLeastAtEqualScores()
    {
        using var scope = NewDisposeScope();
        double At(double difference) => BradleyTerryLoss.Compute(
            tensor(new[] { difference }), zeros(1, dtype: float64), full([1], 0.5, dtype: float64)).item<double>();

        // −½ log ½ − ½ log ½ = log 2.
        Assert.Equal(Math.Log(2), At(0), 1e-12);
        Assert.True(At(0.5) > At(0));
        Assert.Equal(At(0.5), At(-0.5), 1e-12);
    }

    [Fact]
    public void Compute_HugeDifference_DoesNotOverflow()
    {
        using var scope = NewDisposeScope();

        Assert.Equal(1e6, BradleyTerryLoss.Compute(tensor(new[] { -1e6 }), tensor(new[] { 0.0 })).item<double>(), 1e-3);
    }

    private static void AssertClose(double[] expected, Tensor actual, double tolerance)
    {
        var numbers = actual.data<double>().ToArray();
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.Equal(expected[i], numbers[i], tolerance);
        }
    }
}
