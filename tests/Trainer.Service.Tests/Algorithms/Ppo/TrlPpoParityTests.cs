using System.Text.Json;
using Rlhf.Modeling.Transformer;
using Rlhf.TestSupport;
using TorchSharp;
using Trainer.Service.Algorithms.Common;
using Trainer.Service.Algorithms.Ppo;
using static TorchSharp.torch;

namespace Trainer.Service.Tests.Algorithms.Ppo;

/// <summary>Mode trl_v0 against PPOTrainer of TRL 0.4.7 and 0.7.11: rewards, advantages, losses, statistics, gradients.</summary>
[Trait("Category", "Parity")]
public sealed class TrlPpoParityTests
{
    [Fact]
    public void Step_TrlCases_EqualItsNumbers()
    {
        var file = JsonFixture.Load("fixtures", "algorithms", "trl_ppo.json");
        var tolerance = file.GetProperty("tolerance_abs").GetDouble();
        var inputs = file.GetProperty("inputs");
        var settings = file.GetProperty("config");
        var beta = settings.GetProperty("kl_coef").GetDouble();
        foreach (var entry in file.GetProperty("cases").EnumerateArray())
        {
            using var scope = NewDisposeScope();
            var name = $"{entry.GetProperty("trl").GetString()} {entry.GetProperty("kl_penalty").GetString()} {entry.GetProperty("whiten_rewards").GetBoolean()}";
            var config = new PpoConfig
            {
                Mode = PpoMode.TrlV0,
                KlEstimator = Estimator(entry.GetProperty("kl_penalty").GetString()!),
                WhitenRewards = entry.GetProperty("whiten_rewards").GetBoolean(),
                Gamma = settings.GetProperty("gamma").GetDouble(),
                Lambda = settings.GetProperty("lambda").GetDouble(),
                ClipRange = settings.GetProperty("clip").GetDouble(),
                ValueClipRange = settings.GetProperty("value_clip").GetDouble(),
                ValueCoefficient = settings.GetProperty("vf_coef").GetDouble(),
            };
            var tokens = tensor(inputs.GetProperty("tokens").Numbers().Select(n => (long)n).ToArray(), inputs.GetProperty("tokens").Shape());
            var mask = Tensor(inputs.GetProperty("mask"));
            var experience = PpoExperience.Create(
                mask.sum(1).to_type(int64),
                ones(mask.shape[0], float64),
                Tensor(inputs.GetProperty("old_logprobs")),
                Tensor(inputs.GetProperty("ref_logprobs")),
                Tensor(inputs.GetProperty("values")),
                Tensor(inputs.GetProperty("scores")),
                beta,
                config,
                KlEstimators.Full(Tensor(inputs.GetProperty("old_logits")), Tensor(inputs.GetProperty("ref_logits"))));
            var stats = entry.GetProperty("stats");

            // At padding TRL's numbers mean nothing. Its rewards are listed before whitening.
            Check("non_score_rewards", entry.GetProperty("non_score_rewards"), experience.Kl_BT * -beta);
            if (!config.WhitenRewards)
            {
                Check("rewards", entry.GetProperty("rewards"), experience.Rewards_BT);
            }

            Check("advantages", stats.GetProperty("policy/advantages"), experience.Advantages_BT);
            if (entry.TryGetProperty("returns", out var returns))
            {
                Check("returns", returns, experience.Returns_BT);
                Check("masked_values", entry.GetProperty("masked_values"), experience.Values_BT);
            }

            var logits = Tensor(inputs.GetProperty("new_logits")).requires_grad_();
            var values = Tensor(inputs.GetProperty("value_predictions")).requires_grad_();
            var weights = PpoLoss.Weights(experience.Mask_BT, LossAveraging.AllTokens);
            var (loss, shown) = PpoLoss.Compute(
                TokenLogprobs.Select(logits, tokens),
                Tensor(inputs.GetProperty("old_logprobs")),
                experience.Advantages_BT,
                weights,
                values,
                experience.Values_BT,
                experience.Returns_BT,
                PpoLoss.Weights(experience.ValueMask_BT, LossAveraging.AllTokens),
                config);
            loss.backward();

            CheckNumber(entry.GetProperty("policy_loss"), shown.PolicyLoss);
            CheckNumber(entry.GetProperty("value_loss_times_vf_coef"), shown.ValueLoss * config.ValueCoefficient);
            CheckNumber(entry.GetProperty("total"), shown.TotalLoss);
            CheckNumber(stats.GetProperty("loss/value"), shown.ValueLoss);
            CheckNumber(stats.GetProperty("policy/approxkl"), shown.ApproxKl);
            CheckNumber(stats.GetProperty("policy/clipfrac"), shown.ClipFraction);
            CheckNumber(stats.GetProperty("val/clipfrac"), shown.ValueClipFraction);
            CheckNumber(stats.GetProperty("returns/mean"), MaskedMath.Mean(experience.Returns_BT, mask));
            CheckNumber(stats.GetProperty("val/mean"), MaskedMath.Mean(experience.Values_BT, mask));
            Numbers.AreClose(entry.GetProperty("gradient_of_total_by_new_logits").Numbers(), logits.grad!, tolerance, name + " d/dlogits");
            Numbers.AreClose(entry.GetProperty("gradient_of_total_by_value_predictions").Numbers(), values.grad!, tolerance, name + " d/dvalues");

            void Check(string field, JsonElement expected, Tensor actual) => Numbers.AreClose(
                [.. expected.Numbers().Zip(mask.data<double>().ToArray(), (number, real) => real == 1 ? number : double.NaN)], actual, tolerance, $"{name} {field}");

            void CheckNumber(JsonElement expected, Tensor actual) => Numbers.AreClose([expected.GetDouble()], actual.reshape(1), tolerance, name);
        }
    }

    [Fact]
    public void AdaptiveKlController_TrlSequences_GiveItsCoefficients()
    {
        foreach (var entry in JsonFixture.Load("fixtures", "algorithms", "trl_ppo.json").GetProperty("adaptive_kl").EnumerateArray())
        {
            var controller = new AdaptiveKlController(
                entry.GetProperty("init").GetDouble(), entry.GetProperty("target").GetDouble(), entry.GetProperty("horizon").GetDouble());
            foreach (var (kl, expected) in entry.GetProperty("kl").Numbers().Zip(entry.GetProperty("value_after").Numbers()))
            {
                controller.Update(kl, entry.GetProperty("n_steps").GetInt32());
                Assert.Equal(expected, controller.Coefficient, 1e-12);
            }
        }
    }

    [Fact]
    public void Helpers_TrlNumbers_EqualOurs()
    {
        using var scope = NewDisposeScope();
        var file = JsonFixture.Load("fixtures", "algorithms", "trl_ppo.json");
        var tolerance = file.GetProperty("tolerance_abs").GetDouble();
        var helpers = file.GetProperty("helpers");
        var (values, mask) = (Tensor(helpers.GetProperty("values")), Tensor(helpers.GetProperty("mask")));
        double[] Masked(string field) =>
            [.. helpers.GetProperty(field).Numbers().Zip(mask.data<double>().ToArray(), (number, real) => real == 1 ? number : double.NaN)];

        Numbers.AreClose([helpers.GetProperty("masked_mean").GetDouble()], MaskedMath.Mean(values, mask), tolerance);
        Numbers.AreClose([helpers.GetProperty("masked_var_unbiased").GetDouble()], MaskedMath.Variance(values, mask, VarianceKind.Unbiased), 2 * tolerance);
        Numbers.AreClose([helpers.GetProperty("masked_var_biased").GetDouble()], MaskedMath.Variance(values, mask, VarianceKind.Biased), 2 * tolerance);
        Numbers.AreClose(Masked("masked_whiten"), Whitening.Apply(values, mask, VarianceKind.Unbiased), tolerance);
        Numbers.AreClose(Masked("masked_whiten_keep_mean"), Whitening.Apply(values, mask, VarianceKind.Unbiased, shiftMean: false), tolerance);
    }

    private static KlEstimator Estimator(string penalty) => penalty switch
    {
        "kl" => KlEstimator.K1,
        "abs" => KlEstimator.Abs,
        "mse" => KlEstimator.K2,
        "full" => KlEstimator.Full,
        _ => throw new ArgumentException(penalty),
    };

    private static Tensor Tensor(JsonElement element) => tensor(element.Numbers(), element.Shape());
}
