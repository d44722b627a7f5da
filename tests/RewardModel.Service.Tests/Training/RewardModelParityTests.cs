using System.Text.Json;
using RewardModel.Service.Training;
using Rlhf.Modeling.Checkpoints;
using Rlhf.Modeling.Heads;
using Rlhf.Modeling.Transformer;
using Rlhf.Numerics;
using Rlhf.TestSupport;
using Rlhf.Training.Batching;
using Rlhf.Training.Evaluation;
using Rlhf.Training.Optimization;
using TorchSharp;
using static TorchSharp.torch;

namespace RewardModel.Service.Tests.Training;

/// <summary>Ten steps of reward-model training against the same ten steps made with transformers and PyTorch.</summary>
[Trait("Category", "Parity")]
public sealed class RewardModelParityTests
{
    public static TheoryData<string> Files
    {
        get
        {
            var data = new TheoryData<string>();
            var folder = SharedData.Root is null ? null : Path.Combine(SharedData.Root, "fixtures", "algorithms");
            foreach (var file in folder is not null && Directory.Exists(folder)
                ? Directory.GetFiles(folder, "run_*_reward.json").Select(f => Path.GetFileName(f)!).Order(StringComparer.Ordinal)
                : (IEnumerable<string>)["run_llama_reward.json"])
            {
                data.Add(file);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Steps_ReferenceRun_ShowTheSameNumbers(string file)
    {
        using var scope = NewDisposeScope();
        var run = JsonFixture.Load("fixtures", "algorithms", file);
        using var model = Load(run.GetProperty("model").GetString()!, run.GetProperty("score_head_start").Numbers());
        var hyperparameters = run.GetProperty("hyperparameters");
        var tolerance = run.GetProperty("tolerance");
        var lossTolerance = tolerance.GetProperty("loss_abs").GetDouble();
        var schedule = new LearningRateSchedule(
            hyperparameters.GetProperty("schedule").GetString() == "cosine" ? ScheduleKind.Cosine : ScheduleKind.Linear,
            hyperparameters.GetProperty("lr").GetDouble(),
            hyperparameters.GetProperty("total_steps").GetInt64(),
            hyperparameters.GetProperty("warmup_steps").GetInt64());
        using var optimizer = new AdamWOptimizer(
            model.named_parameters(),
            new AdamWSettings
            {
                Beta1 = hyperparameters.GetProperty("betas")[0].GetDouble(),
                Beta2 = hyperparameters.GetProperty("betas")[1].GetDouble(),
                Epsilon = hyperparameters.GetProperty("eps").GetDouble(),
                WeightDecay = hyperparameters.GetProperty("weight_decay").GetDouble(),
            });
        Assert.Equal("all parameters", hyperparameters.GetProperty("weight_decay_on").GetString());

        foreach (var step in run.GetProperty("steps").EnumerateArray())
        {
            var number = step.GetProperty("step").GetInt32();
            var batch = run.GetProperty("batches_first_half_chosen")[run.GetProperty("batch_of_step")[number].GetInt32()];
            var rows = batch.GetProperty("input_ids").Rows().Zip(batch.GetProperty("attention_mask").Rows(), (ids, real) => ids[..real.Sum()]).ToArray();
            var pairs = rows.Length / 2;
            optimizer.ZeroGrad();
            var scores = SequenceScorer.Score(model, PaddedBatch.Right(rows, padId: 0));
            var loss = BradleyTerryLoss.Compute(scores.narrow(0, 0, pairs), scores.narrow(0, pairs, pairs));
            loss.backward();
            var (norm, factor) = GradientClipping.ByNorm(optimizer.Parameters, hyperparameters.GetProperty("max_grad_norm").GetDouble());
            optimizer.Step(schedule.At(number), factor);

            Assert.Equal(step.GetProperty("lr").GetDouble(), schedule.At(number), 1e-15);
            Within(step.GetProperty("loss").GetDouble(), loss.item<float>(), lossTolerance, $"loss of step {number}");
            var expectedNorm = step.GetProperty("gradient_norm_before_clipping").GetDouble();
            Within(expectedNorm, norm.item<float>(), expectedNorm * tolerance.GetProperty("gradient_norm_rel").GetDouble(), $"gradient norm of step {number}");
            var actualScores = scores.detach().data<float>().ToArray();
            var expectedScores = step.GetProperty("scores").Numbers().ToArray();

            // The loss reads differences of scores only. GPT-2's last bias moves all scores alike, so its gradients are rounding errors, of
            // which Adam makes steps as long as any: what is comparable are scores less their mean.
            var (expectedMean, actualMean) = (expectedScores.Average(), actualScores.Average());
            foreach (var (expected, actual) in expectedScores.Select(score => score - expectedMean).Zip(actualScores.Select(score => score - actualMean)))
            {
                Within(expected, actual, lossTolerance * Math.Max(1, Math.Abs(expected)), $"a score of step {number}");
            }

            Assert.Equal(
                step.GetProperty("accuracy").GetDouble(),
                PreferenceAccuracy.Measure(actualScores[..pairs], actualScores[pairs..]).Value,
                1e-9);
        }

        var relative = tolerance.GetProperty("parameter_l2_rel").GetDouble();
        var parameters = model.named_parameters().ToDictionary(p => p.name, p => p.parameter, StringComparer.Ordinal);
        foreach (var expected in run.GetProperty("parameters_after").EnumerateObject())
        {
            var l2 = expected.Value.GetProperty("l2").GetDouble();
            Assert.True(parameters.TryGetValue(expected.Name, out var parameter), $"the model has no parameter {expected.Name}");

            // So with this bias as a whole, and with the third of c_attn's that shifts all keys alike.
            var drifts = expected.Name.EndsWith(".c_attn.bias", StringComparison.Ordinal) || expected.Name.EndsWith(".ln_f.bias", StringComparison.Ordinal);
            var margin = l2 * relative * (drifts ? 10 : 1);
            Within(l2, parameter.detach().to_type(float64).square().sum().sqrt().item<double>(), margin, $"norm of {expected.Name}");
        }
    }

    private static ScalarHeadModel Load(string name, double[] head)
    {
        var trained = SharedData.Root is null ? null : Path.Combine(SharedData.Root, "models", name);
        var folder = trained is not null && Directory.Exists(trained) ? trained : SharedData.Require("fixtures", "transformers", name);
        using var config = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "config.json")));
        var family = config.RootElement.GetProperty("model_type").GetString();
        Assert.SkipUnless(
            TransformerConfig.SupportedModelTypes.Contains(family),
            $"models of the family {family} are not supported; supported are {string.Join(", ", TransformerConfig.SupportedModelTypes)}");
        using var body = PretrainedModel.LoadCausal(folder);
        var model = ScalarHeadModel.FromCausal(body, new Philox(0));
        using var noGrad = no_grad();
        model.named_parameters().Single(p => p.name == "score.weight").parameter.copy_(tensor(head, [1, head.Length]));
        return model;
    }

    private static void Within(double expected, double actual, double tolerance, string what) =>
        Assert.True(Math.Abs(expected - actual) <= tolerance, $"{what}: expected {expected:r}, got {actual:r}, tolerance {tolerance:g3}");
}
