using System.Globalization;
using System.Text.Json;
using Rlhf.Modeling.Transformer;
using Rlhf.TestSupport;
using Rlhf.Training.Batching;
using Rlhf.Training.Optimization;
using TorchSharp;
using Trainer.Service.Algorithms.Common;
using Trainer.Service.Algorithms.Ppo;
using static TorchSharp.torch;

namespace Trainer.Service.Tests.Algorithms.Ppo;

/// <summary>One rollout and four updates of a real model against the same made with transformers and PyTorch.</summary>
[Trait("Category", "Parity")]
public sealed class PpoRunParityTests
{
    public static TheoryData<string> Files => ReferenceRun.Files("ppo");

    [Theory]
    [MemberData(nameof(Files))]
    public void Steps_ReferenceRun_ShowTheSameNumbers(string file)
    {
        using var scope = NewDisposeScope();
        var run = JsonFixture.Load("fixtures", "algorithms", file);
        var name = run.GetProperty("model").GetString()!;
        using var policy = ReferenceRun.Load(name);
        using var critic = ReferenceRun.LoadScalar(name, run.GetProperty("critic_head_start").Numbers());
        var tolerance = run.GetProperty("tolerance").GetProperty("loss_abs").GetDouble();
        var config = Config(run.GetProperty("config"));
        var eos = int.Parse(run.GetProperty("run").GetString()!.Split("EOS = ")[1], CultureInfo.InvariantCulture);
        var raw = run.GetProperty("responses").Rows();
        var responses = raw.Select(r => Array.IndexOf(r, eos) is var end && end >= 0 ? r[..(end + 1)] : r).ToArray();
        var batch = PromptResponseBatch.Create(run.GetProperty("prompts").Rows(), responses, padId: 0, responseColumns: raw[0].Length);

        Tensor Logits() => policy.Logits(policy.Hidden(batch.InputIds_BL, places_N: batch.PredictorIndex_N));
        Tensor Logprobs(Tensor logits_NV) => batch.ToCells(TokenLogprobs.Select(logits_NV, batch.ResponseIds_N));
        Tensor Values() => critic.Values(batch.InputIds_BL, null, batch.CellPlace_C).view(batch.Rows, batch.ResponseColumns) - critic.ScoreBias;

        // The rollout: what the three models say, then rewards, advantages and returns.
        var rollout = run.GetProperty("rollout");
        Tensor logprobs;
        PpoExperience experience;
        using (no_grad())
        {
            logprobs = Logprobs(Logits());
            experience = PpoExperience.Create(
                batch.ResponseLengths_B,
                tensor(responses.Select(r => r[^1] == eos ? 1f : 0f).ToArray()),
                logprobs,
                Tensor(rollout.GetProperty("ref_logprobs")),
                Values(),
                Tensor(run.GetProperty("reward_model_scores")),
                run.GetProperty("config").GetProperty("kl_coef").GetDouble(),
                config);
            Numbers.AreClose(
                MaskedNumbers(rollout.GetProperty("old_logprobs"), experience.Mask_BT), logprobs, tolerance, "old_logprobs");
            Check("values", experience.Values_BT);
            Check("score", experience.Scores_B);
            Check("rewards", experience.Rewards_BT);
            Check("returns", experience.Returns_BT);
            Check("whitened_advantages", experience.Advantages_BT);
        }

        // The updates.
        var hyperparameters = run.GetProperty("hyperparameters");
        var schedule = ReferenceRun.Schedule(hyperparameters);
        using var optimizer = new AdamWOptimizer(
            [.. policy.named_parameters().Select(p => (p.name, p.parameter)), .. critic.named_parameters().Select(p => ("critic." + p.name, p.parameter))],
            ReferenceRun.Adam(hyperparameters));
        var weights = PpoLoss.Weights(experience.Mask_BT, LossAveraging.AllTokens);
        var valueWeights = PpoLoss.Weights(experience.ValueMask_BT, LossAveraging.AllTokens);
        foreach (var step in run.GetProperty("steps").EnumerateArray())
        {
            var number = step.GetProperty("step").GetInt32();
            optimizer.ZeroGrad();
            var logits = Logits();
            var newLogprobs = Logprobs(logits);
            var (loss, stats) = PpoLoss.Compute(
                newLogprobs, logprobs, experience.Advantages_BT, weights, Values(), experience.Values_BT, experience.Returns_BT, valueWeights, config);
            loss.backward();
            var (norm, factor) = GradientClipping.ByNorm(optimizer.Parameters, hyperparameters.GetProperty("max_grad_norm").GetDouble());
            optimizer.Step(schedule.At(number), factor);

            ReferenceRun.CheckStep(run, step, schedule.At(number), loss, norm);
            CheckStat("policy_loss", stats.PolicyLoss);
            CheckStat("value_loss", stats.ValueLoss);
            CheckStat("approx_kl", stats.ApproxKl);
            CheckStat("ratio_mean", stats.RatioMean);

            // These files count every ratio outside the clip range, also where clipping does not change the loss.
            var outside = ((newLogprobs.detach() - logprobs).exp() - 1).abs().gt(config.ClipRange).to_type(float32);
            CheckStat("clip_fraction", (outside * weights).sum());
            CheckStat("entropy", TokenLogprobs.Entropy(logits.detach()).mean());

            void CheckStat(string field, Tensor actual) =>
                ReferenceRun.Within(step.GetProperty(field).GetDouble(), actual.item<float>(), tolerance, $"{field} of step {number}");
        }

        ReferenceRun.CheckParameters(
            run,
            [
                .. policy.named_parameters().Select(p => (p.name, (Tensor)p.parameter)),
                .. critic.named_parameters().Select(p => ("critic." + p.name, (Tensor)p.parameter)),
            ]);

        void Check(string field, Tensor actual) => Numbers.AreClose(rollout.GetProperty(field).Numbers(), actual, tolerance, field);
    }

    private static PpoConfig Config(JsonElement config) => new()
    {
        Gamma = config.GetProperty("gamma").GetDouble(),
        Lambda = config.GetProperty("lambda").GetDouble(),
        ClipRange = config.GetProperty("clip").GetDouble(),
        ValueClipRange = config.GetProperty("value_clip").GetDouble(),
        ValueCoefficient = config.GetProperty("vf_coef").GetDouble(),
    };

    /// <summary>The expected numbers with NaN, nothing to compare, at padding.</summary>
    private static double[] MaskedNumbers(JsonElement expected, Tensor mask) =>
        [.. expected.Numbers().Zip(mask.data<float>().ToArray(), (number, real) => real == 1 ? number : double.NaN)];

    private static Tensor Tensor(JsonElement element) => tensor([.. element.Numbers().Select(n => (float)n)], element.Shape());
}
