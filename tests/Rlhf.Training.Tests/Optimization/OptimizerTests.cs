using Rlhf.Training.Optimization;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Rlhf.Training.Tests.Optimization;

public sealed class OptimizerTests
{
    [Fact]
    public void Step_MatricesOnlyDecay_LeavesVectorsAlone()
    {
        using var scope = NewDisposeScope();
        var matrix = new Parameter(ones(1, 2)) { grad = zeros(1, 2) };
        var vector = new Parameter(ones(2)) { grad = zeros(2) };
        using var optimizer = new AdamWOptimizer(
            [("matrix", matrix), ("vector", vector)],
            new AdamWSettings { WeightDecay = 0.1, WeightDecayScope = WeightDecayScope.MatricesOnly });

        optimizer.Step(0.5);

        // 1 − 0.5 · 0.1; a gradient of zero moves nothing.
        Assert.Equal([0.95f, 0.95f], matrix.detach().data<float>().ToArray());
        Assert.Equal([1f, 1f], vector.detach().data<float>().ToArray());
    }

    [Fact]
    public void Step_ParameterWithoutGradient_IsNotTouched()
    {
        using var scope = NewDisposeScope();
        var parameter = new Parameter(ones(2));
        using var optimizer = new AdamWOptimizer([("p", parameter)], new AdamWSettings { WeightDecay = 0.1 });

        optimizer.Step(0.5);

        Assert.Equal([1f, 1f], parameter.detach().data<float>().ToArray());
    }

    [Fact]
    public void Restore_SavedMoments_ContinuesBitForBit()
    {
        using var scope = NewDisposeScope();
        var settings = new AdamWSettings { WeightDecay = 0.01 };
        var straight = new Parameter(tensor(new float[] { 0.3f, -0.7f }));
        using var first = new AdamWOptimizer([("p", straight)], settings);
        straight.grad = tensor(new float[] { 0.1f, 0.2f });
        first.Step(0.01);
        var saved = first.State().ToDictionary(s => s.Name, s => s.Tensor.clone());
        var resumed = new Parameter(straight.detach().clone());
        using var second = new AdamWOptimizer([("p", resumed)], settings);

        second.Restore(name => saved[name], first.StepCount);
        foreach (var (parameter, optimizer) in new[] { (straight, first), (resumed, second) })
        {
            parameter.grad = tensor(new float[] { -0.4f, 0.05f });
            optimizer.Step(0.02);
        }

        Assert.Equal(straight.detach().data<float>().ToArray(), resumed.detach().data<float>().ToArray());
    }

    [Fact]
    public void Constructor_RepeatedName_IsRefused()
    {
        using var scope = NewDisposeScope();
        var parameter = new Parameter(ones(2));

        var exception = Assert.Throws<ArgumentException>(() => new AdamWOptimizer([("p", parameter), ("p", parameter)], new AdamWSettings()));

        Assert.Contains("p occurs twice", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Constructor_BadSettings_ListsEveryFault()
    {
        var exception = Assert.Throws<ArgumentException>(
            () => new AdamWOptimizer([], new AdamWSettings { Beta1 = 1, Beta2 = -0.1, Epsilon = 0, WeightDecay = -1 }));

        foreach (var field in new[] { "beta1", "beta2", "epsilon", "weight_decay" })
        {
            Assert.Contains(field, exception.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void ClipByNorm_ZeroLimit_OnlyMeasures()
    {
        using var scope = NewDisposeScope();
        var parameter = new Parameter(zeros(2)) { grad = tensor(new float[] { 3, 4 }) };

        var (norm, factor) = GradientClipping.ByNorm([parameter], 0);

        Assert.Equal(5f, norm.item<float>());
        Assert.Equal(1f, factor.item<float>());
    }

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float64)]
    public void Step_WithAGradientFactor_IsTheStepOfTheScaledGradient(ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        var scaled = new Parameter(tensor(new[] { 0.3, -0.7 }, dtype)) { grad = tensor(new[] { 1.5, -2.0 }, dtype) * 0.25 };
        var whole = new Parameter(scaled.detach().clone()) { grad = tensor(new[] { 1.5, -2.0 }, dtype) };
        using var first = new AdamWOptimizer([("p", scaled)], new AdamWSettings());
        using var second = new AdamWOptimizer([("p", whole)], new AdamWSettings());

        first.Step(0.01);
        second.Step(0.01, tensor(0.25, dtype));

        // A quarter is exact in binary, so not a bit may differ.
        Assert.Equal(scaled.detach().to_type(ScalarType.Float64).data<double>().ToArray(), whole.detach().to_type(ScalarType.Float64).data<double>().ToArray());
        Assert.Equal([1.5, -2.0], whole.grad!.to_type(ScalarType.Float64).data<double>().ToArray());
    }

    [Theory]
    [InlineData(ScheduleKind.Cosine, 0, 1.0)]
    [InlineData(ScheduleKind.Cosine, 5, 0.55)]
    [InlineData(ScheduleKind.Cosine, 10, 0.1)]
    [InlineData(ScheduleKind.Cosine, 50, 0.1)]
    [InlineData(ScheduleKind.Linear, 10, 0.0)]
    [InlineData(ScheduleKind.Constant, 50, 1.0)]
    public void Schedule_WithMinimum_EndsThere(ScheduleKind kind, int step, double expected) =>
        Assert.Equal(expected, new LearningRateSchedule(kind, 1.0, 10, MinimumRatio: 0.1).At(step), 1e-12);
}
