using System.Text.Json;
using Rlhf.TestSupport;
using Rlhf.Training.Optimization;
using TorchSharp;
using Trainer.Service.Algorithms.Sft;
using static TorchSharp.torch;

namespace Trainer.Service.Tests.Algorithms.Sft;

/// <summary>Ten steps of fine-tuning against the same ten steps made with transformers and PyTorch.</summary>
[Trait("Category", "Parity")]
public sealed class SftParityTests
{
    public static TheoryData<string> Files => ReferenceRun.Files("sft");

    [Theory]
    [MemberData(nameof(Files))]
    public void Steps_ReferenceRun_ShowTheSameNumbers(string file)
    {
        foreach (var run in JsonFixture.Load("fixtures", "algorithms", file).GetProperty("runs").EnumerateArray())
        {
            using var scope = NewDisposeScope();
            using var model = ReferenceRun.Load(run.GetProperty("model").GetString()!);
            var hyperparameters = run.GetProperty("hyperparameters");
            var schedule = ReferenceRun.Schedule(hyperparameters);
            using var optimizer = new AdamWOptimizer(model.named_parameters(), ReferenceRun.Adam(hyperparameters));
            foreach (var step in run.GetProperty("steps").EnumerateArray())
            {
                var number = step.GetProperty("step").GetInt32();
                var batch = Batch(run.GetProperty("batches")[run.GetProperty("batch_of_step")[number].GetInt32()], number);
                optimizer.ZeroGrad();
                var loss = SftLoss.Compute(model, batch, (int)batch.LabelIds_N.shape[0]);
                loss.backward();
                var (norm, factor) = GradientClipping.ByNorm(optimizer.Parameters, hyperparameters.GetProperty("max_grad_norm").GetDouble());
                optimizer.Step(schedule.At(number), factor);
                ReferenceRun.CheckStep(run, step, schedule.At(number), loss, norm);
            }

            ReferenceRun.CheckParameters(run, model.named_parameters().Select(p => (p.name, (Tensor)p.parameter)));
        }
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void MicroBatches_OfUnequalLength_AreWeightedByTheirTokens(string file)
    {
        using var scope = NewDisposeScope();
        var root = JsonFixture.Load("fixtures", "algorithms", file);
        using var model = ReferenceRun.Load(root.GetProperty("runs")[0].GetProperty("model").GetString()!);
        var example = root.GetProperty("gradient_accumulation");
        var rows = Rows(example.GetProperty("input_ids").Rows(), example.GetProperty("attention_mask").Rows());
        var tokens = rows.Sum(r => r.Length - 1);
        var half = rows.Length / 2;
        using var noGrad = no_grad();

        var whole = SftLoss.Compute(model, Batch(rows, 1), tokens).item<float>();
        var parts = SftLoss.Compute(model, Batch(rows[..half], 1), tokens).item<float>() + SftLoss.Compute(model, Batch(rows[half..], 1), tokens).item<float>();

        Assert.Equal(example.GetProperty("loss_of_whole_batch").GetDouble(), whole, 5e-5);
        Assert.Equal(example.GetProperty("token_weighted").GetDouble(), parts, 5e-5);
    }

    private static SftBatch Batch(JsonElement batch, int step)
    {
        var ids = batch.GetProperty("input_ids").Rows();
        return batch.TryGetProperty("attention_mask", out var mask)
            ? Batch(Rows(ids, mask.Rows()), 1)
            : Batch(Rows(ids, batch.GetProperty(step % 2 == 0 ? "attention_mask_on_even_step" : "attention_mask_on_odd_step").Rows()), 3);
    }

    private static int[][] Rows(int[][] ids, int[][] mask) => [.. ids.Zip(mask, (row, real) => row[..real.Sum()])];

    private static SftBatch Batch(int[][] rows, int promptLength) =>
        SftBatch.Padded([.. rows.Select(r => new SftExample(r[..promptLength], r[promptLength..]))], padId: 0);
}
