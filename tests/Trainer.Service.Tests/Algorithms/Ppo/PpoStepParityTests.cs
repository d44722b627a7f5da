using System.Text.Json;
using Rlhf.TestSupport;
using TorchSharp;
using Trainer.Service.Algorithms.Common;
using Trainer.Service.Algorithms.Ppo;
using static TorchSharp.torch;

namespace Trainer.Service.Tests.Algorithms.Ppo;

/// <summary>The arithmetic of a PPO step, both modes, against numbers computed elsewhere in fp64.</summary>
[Trait("Category", "Parity")]
public sealed class PpoStepParityTests
{
    [Fact]
    public void Step_FixtureCases_EqualStatedNumbers()
    {
        var file = JsonFixture.Load("fixtures", "algorithms", "ppo_step.json");
        var tolerance = file.GetProperty("tolerance_abs").GetDouble();
        foreach (var entry in file.GetProperty("cases").EnumerateArray())
        {
            using var scope = NewDisposeScope();
            var name = $"{entry.GetProperty("name").GetString()} {entry.GetProperty("mode").GetString()}";
            var input = entry.GetProperty("input");
            var expected = entry.GetProperty("expected");
            var config = Config(input);
            var eos = input.GetProperty("eos").GetInt32();
            var raw = input.GetProperty("responses").Rows();
            var responses = raw.Select(r => Array.IndexOf(r, eos) is var end && end >= 0 ? r[..(end + 1)] : r).ToArray();

            var experience = PpoExperience.Create(
                tensor(responses.Select(r => (long)r.Length).ToArray()),
                tensor(responses.Select(r => r[^1] == eos ? 1.0 : 0.0).ToArray()),
                Tensor(input.GetProperty("old_logprobs")),
                Tensor(input.GetProperty("ref_logprobs")),
                Tensor(input.GetProperty("values")),
                Tensor(input.GetProperty("reward_model_scores")),
                input.GetProperty("kl_coef").GetDouble(),
                config);

            Assert.Equal(expected.GetProperty("sequence_length").Numbers(), responses.Select(r => r.Length - 1.0));
            Check("score", experience.Scores_B);
            Check("kl", experience.Kl_BT);
            Check("rewards", experience.Rewards_BT);
            Check("returns", experience.Returns_BT);
            Check("whitened_advantages", experience.Advantages_BT);
            Numbers.AreClose([expected.GetProperty("kl_sum_mean").GetDouble()], experience.Kl_BT.sum(1).mean(), tolerance, name);

            CheckLoss(LossAveraging.AllTokens, "all_tokens");
            CheckLoss(LossAveraging.MeanOfRows, "mean_of_row_means");

            void Check(string field, Tensor actual) =>
                Numbers.AreClose(expected.GetProperty(field).Numbers(), actual, tolerance, $"{name} {field}");

            void CheckLoss(LossAveraging averaging, string field)
            {
                var loss = expected.GetProperty("loss").GetProperty(field);
                var logprobs = Tensor(input.GetProperty("new_logprobs")).requires_grad_();
                var values = Tensor(input.GetProperty("new_values")).requires_grad_();
                var (total, stats) = PpoLoss.Compute(
                    logprobs,
                    Tensor(input.GetProperty("old_logprobs")),
                    experience.Advantages_BT,
                    PpoLoss.Weights(experience.Mask_BT, averaging),
                    values,
                    experience.Values_BT,
                    experience.Returns_BT,
                    PpoLoss.Weights(experience.ValueMask_BT, averaging),
                    config);
                total.backward();

                Numbers.AreClose([loss.GetProperty("policy_loss").GetDouble()], stats.PolicyLoss, tolerance, $"{name} {field} policy");
                Numbers.AreClose([loss.GetProperty("value_loss").GetDouble()], stats.ValueLoss, tolerance, $"{name} {field} value");
                Numbers.AreClose([loss.GetProperty("total").GetDouble()], stats.TotalLoss, tolerance, $"{name} {field} total");
                Numbers.AreClose(loss.GetProperty("gradient_by_new_logprobs").Numbers(), logprobs.grad!, tolerance, $"{name} {field} d/dlogprobs");
                Numbers.AreClose(loss.GetProperty("gradient_by_new_values").Numbers(), values.grad!, tolerance, $"{name} {field} d/dvalues");
                if (averaging == LossAveraging.AllTokens)
                {
                    Numbers.AreClose([expected.GetProperty("policy_clip_fraction").GetDouble()], stats.ClipFraction, tolerance, $"{name} clipfrac");
                    Numbers.AreClose([expected.GetProperty("approx_kl").GetDouble()], stats.ApproxKl, tolerance, $"{name} approxkl");
                    Numbers.AreClose([expected.GetProperty("ratio_mean").GetDouble()], stats.RatioMean, tolerance, $"{name} ratio");
                }
            }
        }
    }

    private static PpoConfig Config(JsonElement input)
    {
        var mode = input.GetProperty("missing_eos").GetString() == "set_to_minus_1" ? PpoMode.NPlus : PpoMode.Trl;
        Assert.Equal(mode == PpoMode.NPlus ? "biased" : "unbiased", input.GetProperty("variance").GetString());
        return new PpoConfig
        {
            Mode = mode,
            Gamma = input.GetProperty("gamma").GetDouble(),
            Lambda = input.GetProperty("lambda").GetDouble(),
            ClipRange = input.GetProperty("clip").GetDouble(),
            ValueClipRange = input.GetProperty("value_clip").GetDouble(),
            ValueCoefficient = input.GetProperty("vf_coef").GetDouble(),
            WhitenRewards = input.GetProperty("whiten_rewards").GetBoolean(),
            KlEstimator = KlEstimator.K1,
        };
    }

    private static Tensor Tensor(JsonElement element) => tensor(element.Numbers(), element.Shape());
}
