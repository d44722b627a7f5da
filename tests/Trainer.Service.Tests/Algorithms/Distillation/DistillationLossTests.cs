using Rlhf.Training.Batching;
using TorchSharp;
using Trainer.Service.Algorithms.Distillation;
using static TorchSharp.torch;

namespace Trainer.Service.Tests.Algorithms.Distillation;

public sealed class DistillationLossTests
{
    // p = (3/4, 1/4) and q = (1/2, 1/2):
    // KL(p ‖ q) = ¾·ln 1.5 + ¼·ln ½ = 0.130812, KL(q ‖ p) = ½·ln ⅔ + ½·ln 2 = 0.143841.
    // β = ½: m = (5/8, 3/8), ½·(¾·ln 1.2 + ¼·ln ⅔) + ½·(½·ln 0.8 + ½·ln 4/3) = ½·0.035375 + ½·0.032269 = 0.033822.
    // β = ¼: m = (9/16, 7/16), ¼·(¾·ln 4/3 + ¼·ln 4/7) + ¾·(½·ln 8/9 + ½·ln 8/7) = ¼·0.075858 + ¾·0.007874 = 0.024870.
    [Theory]
    [InlineData(0, 1, 0.130812)]
    [InlineData(0.25, 1, 0.024870)]
    [InlineData(0.5, 1, 0.033822)]
    [InlineData(1, 1, 0.143841)]
    [InlineData(0.5, 2, 0.033822)]
    public void Divergence_OfTwoTokens_IsTheHandCalculated(double beta, double temperature, double expected)
    {
        using var scope = NewDisposeScope();
        var teacher = tensor(new[] { temperature * Math.Log(3), 0 }, [1, 2]);

        Assert.Equal(expected, DistillationLoss.Divergence(zeros(1, 2, dtype: float64), teacher, beta, temperature).item<double>(), 1e-6);
    }

    [Fact]
    public void Divergence_OfEqualDistributions_IsZero()
    {
        using var scope = NewDisposeScope();
        var logits = tensor(new[] { 3.0, -1, 0.5 }, [1, 3]);

        Assert.All(new[] { 0, 0.3, 1 }, beta => Assert.Equal(0, DistillationLoss.Divergence(logits + 7, logits, beta, 1).item<double>(), 1e-12));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0.3)]
    [InlineData(1)]
    public void Divergence_Gradient_IsThatOfFiniteDifferences(double beta)
    {
        const double Step = 1e-5;
        using var scope = NewDisposeScope();
        double[] logits = [0.3, -1.2, 2.1, 0.0, 0.7, -0.4];
        var teacher = tensor(new[] { 1.0, 0.2, -0.5, -1.3, 0.8, 0.1 }, [2, 3]);
        var student = tensor(logits, [2, 3]).requires_grad_(true);

        DistillationLoss.Divergence(student, teacher, beta, temperature: 1.7).sum().backward();

        var gradient = student.grad!.data<double>().ToArray();
        for (var i = 0; i < logits.Length; i++)
        {
            // Central differences err by O(step²).
            Assert.Equal((At(i, Step) - At(i, -Step)) / (2 * Step), gradient[i], 1e-8);
        }

        double At(int i, double by)
        {
            double[] moved = [.. logits];
            moved[i] += by;
            return DistillationLoss.Divergence(tensor(moved, [2, 3]), teacher, beta, temperature: 1.7).sum().item<double>();
        }
    }

    [Fact]
    public void Backward_InParts_HasTheGradientsOfTheWhole()
    {
        using var scope = NewDisposeScope();
        var (student, teacher) = (TinyModels.Policy(1), TinyModels.Policy(2));
        var batch = PromptResponseBatch.Create([[2, 3], [4]], [[5, 6, TinyModels.Eos], [7, 8, 9, TinyModels.Eos]], TinyModels.Pad);
        var config = new DistillationConfig { Beta = 0.3, Temperature = 1.5 };

        var loss = DistillationLoss.Backward(student, teacher, batch, labelTokens: 7, config, partTokens: 3);
        var parts = Gradients(student);
        foreach (var parameter in student.parameters())
        {
            parameter.grad = null!;
        }

        Tensor teacherLogits;
        using (no_grad())
        {
            teacherLogits = teacher.Logits(teacher.Hidden(batch.InputIds_BL, places_N: batch.PredictorIndex_N));
        }

        var whole = DistillationLoss.Divergence(student.Logits(student.Hidden(batch.InputIds_BL, places_N: batch.PredictorIndex_N)), teacherLogits, 0.3, 1.5).mean();
        whole.backward();

        Assert.Equal(whole.item<float>(), loss, 1e-6);
        foreach (var (expected, actual) in Gradients(student).Zip(parts))
        {
            Assert.Equal(expected, actual, 1e-6f);
        }

        Assert.All(teacher.parameters(), p => Assert.Null(p.grad));
    }

    private static float[] Gradients(nn.Module model) => [.. model.parameters().SelectMany(p => p.grad!.data<float>().ToArray())];
}
