using Rlhf.Numerics;
using TorchSharp;
using Trainer.Service.Algorithms.Ppo;
using static TorchSharp.torch;

namespace Trainer.Service.Tests.Algorithms.Ppo;

/// <summary>The PPO loss: gradients, averaging and padding.</summary>
public sealed class PpoLossTests
{
    private const int Rows = 3;
    private const int Columns = 4;

    [Theory]
    [InlineData(LossAveraging.AllTokens)]
    [InlineData(LossAveraging.MeanOfRows)]
    public void Compute_Gradient_EqualsFiniteDifferences(LossAveraging averaging)
    {
        const double step = 1e-6;
        using var scope = NewDisposeScope();
        var inputs = Inputs.Draw(7, averaging);
        var logprobs = tensor(inputs.Logprobs, [Rows, Columns]).requires_grad_();
        var values = tensor(inputs.Values, [Rows, Columns]).requires_grad_();
        inputs.Loss(logprobs, values).backward();
        var analytic = logprobs.grad!.data<double>().ToArray().Concat(values.grad!.data<double>().ToArray()).ToArray();

        for (var i = 0; i < 2 * Rows * Columns; i++)
        {
            var numeric = (Shifted(i, step) - Shifted(i, -step)) / (2 * step);
            Assert.Equal(numeric, analytic[i], 1e-7);
        }

        double Shifted(int index, double by)
        {
            var (l, v) = ((double[])inputs.Logprobs.Clone(), (double[])inputs.Values.Clone());
            if (index < l.Length)
            {
                l[index] += by;
            }
            else
            {
                v[index - l.Length] += by;
            }

            return inputs.Loss(tensor(l, [Rows, Columns]), tensor(v, [Rows, Columns])).item<double>();
        }
    }

    [Fact]
    public void Compute_SamePolicy_GivesRatioOneAndNoClipping()
    {
        using var scope = NewDisposeScope();
        var logprobs = tensor(new double[] { -1, -2, -3, -4 }, [1, 4]);
        var weights = PpoLoss.Weights(ones(1, 4, float64), LossAveraging.AllTokens);
        var zero = zeros(1, 4, float64);

        var (_, stats) = PpoLoss.Compute(
            logprobs, logprobs, tensor(new double[] { 1, -1, 2, -2 }, [1, 4]), weights, zero, zero, zero, weights, new PpoConfig());

        // −mean(A) · 1 = 0.
        Assert.Equal(0, stats.PolicyLoss.item<double>(), 1e-15);
        Assert.Equal(1, stats.RatioMean.item<double>(), 1e-15);
        Assert.Equal(0, stats.RatioError.item<double>());
        Assert.Equal(0, stats.ClipFraction.item<double>());
        Assert.Equal(0, stats.ApproxKl.item<double>());
    }

    [Fact]
    public void Compute_InfiniteRatioAtPadding_DoesNotReachTheLoss()
    {
        using var scope = NewDisposeScope();
        var weights = PpoLoss.Weights(tensor(new double[] { 1, 0 }, [1, 2]), LossAveraging.AllTokens);
        var zero = zeros(1, 2, float64);

        var (loss, stats) = PpoLoss.Compute(
            tensor(new double[] { -1, 5000 }, [1, 2]),
            tensor(new double[] { -1, -5000 }, [1, 2]),
            tensor(new double[] { 3, 0 }, [1, 2]),
            weights, zero, zero, zero, weights, new PpoConfig());

        Assert.Equal(-3, loss.item<double>(), 1e-12);
        Assert.Equal(0, stats.RatioError.item<double>());
    }

    [Fact]
    public void Weights_MicroBatchesOfUnequalLength_AddUpToTheWholeBatch()
    {
        using var scope = NewDisposeScope();
        var inputs = Inputs.Draw(11, LossAveraging.AllTokens);
        var logprobs = tensor(inputs.Logprobs, [Rows, Columns]);
        var values = tensor(inputs.Values, [Rows, Columns]);

        var parts = Enumerable.Range(0, Rows).Sum(row => inputs.Loss(logprobs, values, row, 1).item<double>());

        Assert.Equal(inputs.Loss(logprobs, values).item<double>(), parts, 1e-12);
    }

    /// <summary>Random inputs away from the kinks of the loss, where a finite difference means nothing.</summary>
    private sealed record Inputs(
        double[] Logprobs, double[] Values, Tensor Old, Tensor Advantages, Tensor OldValues, Tensor Returns, Tensor Weights, Tensor ValueWeights)
    {
        public static Inputs Draw(ulong seed, LossAveraging averaging)
        {
            var random = new Philox(seed);
            double[] Draw(double scale) => [.. Enumerable.Range(0, Rows * Columns).Select(_ => scale * random.NextNormal())];
            var mask = tensor(new double[] { 1, 1, 0, 0, 1, 1, 1, 1, 1, 0, 0, 0 }, [Rows, Columns]);
            var valueMask = tensor(new double[] { 1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 0, 0 }, [Rows, Columns]);
            return new Inputs(
                Draw(0.5),
                Draw(0.5),
                tensor(Draw(0.5), [Rows, Columns]),
                tensor(Draw(1), [Rows, Columns]),
                tensor(Draw(0.5), [Rows, Columns]),
                tensor(Draw(1), [Rows, Columns]),
                PpoLoss.Weights(mask, averaging),
                PpoLoss.Weights(valueMask, averaging));
        }

        public Tensor Loss(Tensor logprobs, Tensor values, int row = 0, int rows = Rows) => PpoLoss.Compute(
            logprobs.narrow(0, row, rows),
            Old.narrow(0, row, rows),
            Advantages.narrow(0, row, rows),
            Weights.narrow(0, row, rows),
            values.narrow(0, row, rows),
            OldValues.narrow(0, row, rows),
            Returns.narrow(0, row, rows),
            ValueWeights.narrow(0, row, rows),
            new PpoConfig()).Loss;
    }
}
