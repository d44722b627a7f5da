using System.Text.Json;
using Rlhf.TestSupport;
using Rlhf.Training.Evaluation;
using Rlhf.Training.Optimization;
using TorchSharp;
using Trainer.Service.Algorithms.Preference;
using static TorchSharp.torch;

namespace Trainer.Service.Tests.Algorithms.Preference;

/// <summary>Ten steps of DPO, IPO and KTO with a frozen copy as reference, against the same steps made with transformers and PyTorch.</summary>
[Trait("Category", "Parity")]
public sealed class PreferenceRunParityTests
{
    public static TheoryData<string> Files => ReferenceRun.Files("dpo");

    [Theory]
    [MemberData(nameof(Files))]
    public void Steps_ReferenceRun_ShowTheSameNumbers(string file)
    {
        foreach (var run in JsonFixture.Load("fixtures", "algorithms", file).GetProperty("runs").EnumerateArray())
        {
            using var scope = NewDisposeScope();
            var name = run.GetProperty("model").GetString()!;
            using var model = ReferenceRun.Load(name);
            using var reference = ReferenceRun.Load(name);
            var (policyScorer, referenceScorer) = (new CompletionScorer(model), new CompletionScorer(reference));
            var hyperparameters = run.GetProperty("hyperparameters");
            var schedule = ReferenceRun.Schedule(hyperparameters);
            using var optimizer = new AdamWOptimizer(model.named_parameters(), ReferenceRun.Adam(hyperparameters));
            foreach (var step in run.GetProperty("steps").EnumerateArray())
            {
                using var stepScope = NewDisposeScope();
                var number = step.GetProperty("step").GetInt32();
                var (prompts, completions) = Rows(run.GetProperty("batches_first_half_chosen")[run.GetProperty("batch_of_step")[number].GetInt32()]);
                optimizer.ZeroGrad();
                var sums = policyScorer.Sum(prompts, completions);
                var loss = Loss(run, sums, tensor(referenceScorer.SumAll(prompts, completions, batchSize: 3)));
                loss.backward();
                var (norm, factor) = GradientClipping.ByNorm(optimizer.Parameters, hyperparameters.GetProperty("max_grad_norm").GetDouble());
                optimizer.Step(schedule.At(number), factor);
                ReferenceRun.CheckStep(run, step, schedule.At(number), loss, norm);
            }

            ReferenceRun.CheckParameters(run, model.named_parameters().Select(p => (p.name, (Tensor)p.parameter)));
        }
    }

    private static Tensor Loss(JsonElement run, Tensor sums, Tensor references)
    {
        var pairs = (int)sums.shape[0] / 2;
        var title = run.GetProperty("run").GetString()!;
        var beta = run.GetProperty("beta").GetDouble();
        if (title.Contains("kto", StringComparison.Ordinal))
        {
            var isDesirable_B = cat([ones(pairs), zeros(pairs)]);
            return KtoLoss.Compute(sums - references, isDesirable_B, kl: 0, new KtoConfig { Beta = beta }).mean();
        }

        var logprobs = new PairLogprobs(
            sums.narrow(0, 0, pairs), sums.narrow(0, pairs, pairs), ones(pairs), ones(pairs), references.narrow(0, 0, pairs), references.narrow(0, pairs, pairs));
        var type = title.Contains("ipo with sums", StringComparison.Ordinal) ? DpoLossType.IpoSum
            : title.Contains("sigmoid", StringComparison.Ordinal) ? DpoLossType.Sigmoid
            : throw new NotSupportedException($"the run '{title}' is not known");
        return DpoLoss.Compute(type, logprobs, new DpoConfig { Beta = beta }, chosenTokens: 1, batchPairs: pairs).mean();
    }

    private static (int[][] Prompts, int[][] Completions) Rows(JsonElement batch)
    {
        var ids = batch.GetProperty("input_ids").Rows();
        var attention = batch.GetProperty("attention_mask").Rows();
        var completion = batch.GetProperty("completion_mask").Rows();
        var starts = completion.Select(row => Array.IndexOf(row, 1)).ToArray();
        return ([.. ids.Select((row, b) => row[..starts[b]])], [.. ids.Select((row, b) => row[starts[b]..attention[b].Sum()])]);
    }
}
