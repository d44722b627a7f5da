using Rlhf.Training.Checkpointing;
using Rlhf.Training.Optimization;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Rlhf.Training.Tests.Optimization;

public sealed class ExponentialMovingAverageTests
{
    [Fact]
    public void Update_TwoSteps_FollowsTheFormulaAndGivesTheOwnWeightsBack()
    {
        using var scope = NewDisposeScope();
        var parameter = new Parameter(tensor(new float[] { 8, -4 }));
        using var average = ExponentialMovingAverage.Create([("p", parameter)], decay: 0.75)!;

        Set(parameter, 4, 4);
        average.Update();
        Set(parameter, 11, 0);
        average.Update();

        // ¾·8 + ¼·4 = 7, ¾·7 + ¼·11 = 8; ¾·(−4) + ¼·4 = −2, ¾·(−2) + ¼·0 = −1.5.
        using (average.Apply())
        {
            Assert.Equal([8f, -1.5f], Values(parameter));
        }

        Assert.Equal([11f, 0f], Values(parameter));
        average.ShowTo(() => Assert.Equal([8f, -1.5f], Values(parameter)));
        Assert.Equal([11f, 0f], Values(parameter));
    }

    [Fact]
    public void Create_DecayZero_KeepsNone()
    {
        Assert.Null(ExponentialMovingAverage.Create([], 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => ExponentialMovingAverage.Create([], 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => ExponentialMovingAverage.Create([], -0.1));
    }

    [Fact]
    public void Restore_SavedAverage_GoesOnFromIt()
    {
        using var scope = NewDisposeScope();
        var parameter = new Parameter(tensor(new float[] { 1 }));
        using var first = ExponentialMovingAverage.Create([("p", parameter)], 0.5)!;
        Set(parameter, 3);
        first.Update();
        using var state = new TrainingState(1, "{}");
        first.Save(state);
        using var second = ExponentialMovingAverage.Create([("p", parameter)], 0.5)!;

        second.Restore(state);
        Set(parameter, 6);
        second.Update();

        // ½·1 + ½·3 = 2, then ½·2 + ½·6 = 4.
        second.ShowTo(() => Assert.Equal([4f], Values(parameter)));
    }

    private static void Set(Parameter parameter, params float[] values)
    {
        using var noGrad = no_grad();
        parameter.copy_(tensor(values));
    }

    private static float[] Values(Parameter parameter) => parameter.detach().data<float>().ToArray();
}
