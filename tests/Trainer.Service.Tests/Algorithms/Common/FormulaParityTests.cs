using System.Text.Json;
using Rlhf.Modeling.Transformer;
using Rlhf.TestSupport;
using TorchSharp;
using Trainer.Service.Algorithms.Common;
using static TorchSharp.torch;

namespace Trainer.Service.Tests.Algorithms.Common;

/// <summary>Formulas against numbers computed elsewhere in fp64.</summary>
[Trait("Category", "Parity")]
public sealed class FormulaParityTests
{
    [Fact]
    public void Gae_FixtureCases_EqualStatedNumbers()
    {
        using var scope = NewDisposeScope();
        var file = JsonFixture.Load("fixtures", "algorithms", "gae.json");
        var tolerance = file.GetProperty("tolerance_abs").GetDouble();
        foreach (var entry in file.GetProperty("cases").EnumerateArray())
        {
            var bootstrap = entry.GetProperty("bootstrap_value");
            var ends = entry.GetProperty("episode_ends_after_step");
            var result = Gae.Compute(
                Tensor(entry.GetProperty("rewards")),
                Tensor(entry.GetProperty("values")),
                entry.GetProperty("gamma").GetDouble(),
                entry.GetProperty("lambda").GetDouble(),
                bootstrap.ValueKind == JsonValueKind.Null ? null : Tensor(bootstrap),
                ends.ValueKind == JsonValueKind.Null ? null : Tensor(ends));
            Numbers.AreClose(entry.GetProperty("advantages").Numbers(), result.Advantages_BT, tolerance);
            Numbers.AreClose(entry.GetProperty("returns").Numbers(), result.Returns_BT, tolerance);
        }
    }

    [Fact]
    public void Whitening_FixtureCases_EqualStatedNumbers()
    {
        using var scope = NewDisposeScope();
        var file = JsonFixture.Load("fixtures", "algorithms", "whiten.json");
        var tolerance = file.GetProperty("tolerance_abs").GetDouble();
        foreach (var entry in file.GetProperty("cases").EnumerateArray())
        {
            var kind = entry.GetProperty("variance").GetString() == "biased" ? VarianceKind.Biased : VarianceKind.Unbiased;
            var values = Tensor(entry.GetProperty("values"));
            var mask = entry.GetProperty("mask").ValueKind == JsonValueKind.Null ? null : Tensor(entry.GetProperty("mask"));
            Numbers.AreClose(
                entry.GetProperty("result").Numbers(),
                Whitening.Apply(values, mask, kind, entry.GetProperty("shift_mean").GetBoolean()),
                tolerance);
            Numbers.AreClose([entry.GetProperty("mean").GetDouble()], MaskedMath.Mean(values, mask ?? ones_like(values)), tolerance);
            Numbers.AreClose(
                [entry.GetProperty("variance_value").GetDouble()], MaskedMath.Variance(values, mask ?? ones_like(values), kind), tolerance);
        }
    }

    [Fact]
    public void KlEstimators_FixtureCases_EqualStatedNumbers()
    {
        using var scope = NewDisposeScope();
        var file = JsonFixture.Load("fixtures", "algorithms", "kl.json");
        var tolerance = file.GetProperty("tolerance_abs").GetDouble();
        foreach (var entry in file.GetProperty("estimators").EnumerateArray())
        {
            var difference = Tensor(entry.GetProperty("logprob_minus_ref"));
            Numbers.AreClose(entry.GetProperty("k1").Numbers(), KlEstimators.Estimate(difference, KlEstimator.K1), tolerance);
            Numbers.AreClose(entry.GetProperty("k2").Numbers(), KlEstimators.Estimate(difference, KlEstimator.K2), tolerance);
            Numbers.AreClose(entry.GetProperty("k3").Numbers(), KlEstimators.Estimate(difference, KlEstimator.K3), tolerance);
        }

        var full = file.GetProperty("full");
        var logP = Tensor(full.GetProperty("log_p"));
        var logRatio = logP - Tensor(full.GetProperty("log_q"));
        foreach (var estimator in new[] { KlEstimator.K1, KlEstimator.K2, KlEstimator.K3 })
        {
            var expectation = (logP.exp() * KlEstimators.Estimate(logRatio, estimator)).sum(-1);
            Numbers.AreClose(full.GetProperty($"expectation_of_{estimator.ToString().ToLowerInvariant()}_under_p").Numbers(), expectation, tolerance);
        }

        // log p is normalised, so it is its own log-softmax.
        Numbers.AreClose(full.GetProperty("entropy_p").Numbers(), TokenLogprobs.Entropy(logP), tolerance);
    }

    [Fact]
    public void AdaptiveKlController_FixtureCases_EqualStatedCoefficients()
    {
        var file = JsonFixture.Load("fixtures", "algorithms", "kl.json");
        foreach (var entry in file.GetProperty("adaptive_controller").GetProperty("cases").EnumerateArray())
        {
            var controller = new AdaptiveKlController(
                entry.GetProperty("initial").GetDouble(), entry.GetProperty("target").GetDouble(), entry.GetProperty("horizon").GetDouble());
            foreach (var (kl, expected) in entry.GetProperty("kl").Numbers().Zip(entry.GetProperty("coefficient_after").Numbers()))
            {
                controller.Update(kl, entry.GetProperty("n_steps").GetInt32());
                Assert.Equal(expected, controller.Coefficient, 1e-12);
            }
        }
    }

    private static Tensor Tensor(JsonElement element) => tensor(element.Numbers(), element.Shape());
}
