using Rlhf.Modeling.Heads;
using Rlhf.Numerics;
using Rlhf.Torch.Extensions;
using Rlhf.Training.Evaluation;

namespace Rlhf.Training.Tests.Evaluation;

/// <summary>Tensors are counted for the whole process, so nothing else may run meanwhile.</summary>
[CollectionDefinition(nameof(LiveTensorTests), DisableParallelization = true)]
public sealed class LiveTensorCollection;

[Collection(nameof(LiveTensorTests))]
public sealed class LiveTensorTests
{
    [Fact]
    public void Evaluation_OfEverySuiteAndAgainstAnother_LeavesNoTensor()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        var before = TorchRuntime.LiveTensors;
        using (var model = EvaluatedModel.Load(ModelEvaluationTests.Model))
        using (var baseline = EvaluatedModel.Load(ModelEvaluationTests.Model))
        using (var reward = ScalarHeadModel.FromCausal(model.Model, new Philox(1)))
        {
            var loaded = TorchRuntime.LiveTensors;
            Assert.True(loaded > before, "the models hold no tensor: the count measures nothing");
            for (var i = 0; i < 2; i++)
            {
                var evaluation = new ModelEvaluation(model, ModelEvaluationTests.Small, new(), seed: 3);
                evaluation.Measure();
                Assert.Equal(loaded, TorchRuntime.LiveTensors);
                evaluation.Compare(baseline, reward);
                Assert.Equal(loaded, TorchRuntime.LiveTensors);
            }
        }

        Assert.Equal(before, TorchRuntime.LiveTensors);
    }
}
