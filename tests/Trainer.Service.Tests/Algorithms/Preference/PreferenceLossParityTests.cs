using System.Text.Json;
using Rlhf.TestSupport;
using TorchSharp;
using Trainer.Service.Algorithms.Preference;
using static TorchSharp.torch;

namespace Trainer.Service.Tests.Algorithms.Preference;

/// <summary>Losses and gradients of the preference methods against TRL's own functions and against the definitions in double precision.</summary>
[Trait("Category", "Parity")]
public sealed class PreferenceLossParityTests
{
    [Fact]
    public void Dpo_CasesOfTheDefinitions_GiveLossesAndGradients()
    {
        foreach (var example in Load("preference_losses.json").GetProperty("cases").EnumerateArray())
        {
            foreach (var (name, type, epsilon) in new[]
            {
                ("sigmoid", DpoLossType.Sigmoid, 0.0),
                ("conservative_0.1", DpoLossType.Sigmoid, 0.1),
                ("robust_0.1", DpoLossType.Robust, 0.1),
                ("hinge", DpoLossType.Hinge, 0.0),
                ("ipo_sum", DpoLossType.IpoSum, 0.0),
            })
            {
                using var scope = NewDisposeScope();
                var expected = example.GetProperty("losses").GetProperty(name);
                var config = new DpoConfig { Beta = example.GetProperty("beta").GetDouble(), LabelSmoothing = epsilon };
                var pairs = Pairs(example);

                var losses_P = DpoLoss.Compute(type, pairs, config, chosenTokens: 1, batchPairs: 1);
                losses_P.mean().backward();

                var what = $"{example.GetProperty("name").GetString()}, {name}";
                Close(expected.GetProperty("each"), losses_P, 1e-9, 1e-12, what);
                Close(expected.GetProperty("gradient_of_mean_by_policy_chosen"), pairs.Chosen_P.grad!, 1e-9, 1e-12, what);
                Close(expected.GetProperty("gradient_of_mean_by_policy_rejected"), pairs.Rejected_P.grad!, 1e-9, 1e-12, what);
            }
        }
    }

    [Fact]
    public void Dpo_EveryLossTypeOfTrlOnSequences_GivesItsNumbers()
    {
        var file = Load("trl_dpo.json").GetProperty("sequence_level");
        foreach (var example in file.GetProperty("cases").EnumerateArray())
        {
            using var scope = NewDisposeScope();
            var name = example.GetProperty("loss_type").GetString()!;
            var config = new DpoConfig
            {
                Beta = example.GetProperty("beta").GetDouble(),
                LabelSmoothing = example.GetProperty("label_smoothing").GetDouble(),
                FDivergence = Enum.Parse<FDivergence>(example.GetProperty("f_divergence").GetString()!.Replace("_", "", StringComparison.Ordinal), ignoreCase: true),
                FAlphaDivergenceCoef = 1,
            };
            var pairs = Pairs(file);

            // TRL 0.24 calls the unpaired variant aot_pair, and its ipo does not divide by lengths.
            var type = name switch { "ipo" => DpoLossType.IpoSum, "aot_pair" => DpoLossType.AotUnpaired, _ => Type(name) };
            var losses_P = DpoLoss.Compute(type, pairs, config, chosenTokens: 1, batchPairs: 1);
            losses_P.mean().backward();

            Close(example.GetProperty("losses"), losses_P, 2e-5, 2e-6, example.ToString());
            Close(example.GetProperty("gradient_of_mean_by_policy_chosen"), pairs.Chosen_P.grad!, 2e-5, 2e-6, example.ToString());
            Close(example.GetProperty("gradient_of_mean_by_policy_rejected"), pairs.Rejected_P.grad!, 2e-5, 2e-6, example.ToString());
        }
    }

    [Fact]
    public void Dpo_EveryLossTypeOfTrlOnLogits_GivesItsNumbers()
    {
        var file = Load("trl_dpo.json").GetProperty("token_level");
        var inputs = file.GetProperty("inputs");
        var compared = 0;
        foreach (var example in file.GetProperty("cases").EnumerateArray())
        {
            // WPO weights a pair by its probability under the policy's whole next-token distributions; not offered.
            if (example.GetProperty("wpo_weighting").GetBoolean())
            {
                continue;
            }

            using var scope = NewDisposeScope();
            var config = new DpoConfig
            {
                Beta = example.GetProperty("beta").GetDouble(),
                LabelSmoothing = example.GetProperty("label_smoothing").GetDouble(),
                FDivergence = Enum.Parse<FDivergence>(example.GetProperty("f_divergence").GetString()!.Replace("_", "", StringComparison.Ordinal), ignoreCase: true),
                FAlphaDivergenceCoef = 0.5,
            };
            var mask_BT = Tensor2(inputs.GetProperty("completion_mask")).narrow(1, 1, inputs.GetProperty("completion_mask")[0].GetArrayLength() - 1);
            var logits = Tensor3(inputs.GetProperty("logits")).requires_grad_();
            var policy_BT = Select(logits, inputs) * mask_BT;
            var reference_BT = Select(Tensor3(inputs.GetProperty("ref_logits")), inputs) * mask_BT;
            if (example.Optional("ld_alpha") is { } alpha)
            {
                // Both completions of a pair share the shorter one's length.
                var lengths = mask_BT.sum(1).data<double>().ToArray();
                var half = lengths.Length / 2;
                var shared = Enumerable.Range(0, lengths.Length).Select(i => Math.Min(lengths[i % half], lengths[(i % half) + half])).ToArray();
                var tail_BT = mask_BT.cumsum(1).gt(tensor(shared).unsqueeze(1)).to_type(float64);
                policy_BT = policy_BT * (1 - (tail_BT * (1 - alpha)));
                reference_BT = reference_BT * (1 - (tail_BT * (1 - alpha)));
            }

            var sums = policy_BT.sum(1);
            var tokens = mask_BT.sum(1);
            var count = (int)sums.shape[0] / 2;
            var references = reference_BT.sum(1);
            var pairs = new PairLogprobs(
                sums.narrow(0, 0, count), sums.narrow(0, count, count),
                tokens.narrow(0, 0, count), tokens.narrow(0, count, count),
                references.narrow(0, 0, count), references.narrow(0, count, count));

            var types = example.GetProperty("loss_types").EnumerateArray().Select(t => Type(t.GetString()!)).ToArray();
            var weights = example.GetProperty("loss_weights").Numbers();
            var loss = zeros(1, dtype: float64);
            for (var i = 0; i < types.Length; i++)
            {
                loss = loss + (weights[i] * DpoLoss.Compute(types[i], pairs, config, tokens.narrow(0, 0, count).sum().item<double>(), count).mean());
            }

            loss.backward();
            Within(example.GetProperty("loss").GetDouble(), loss.item<double>(), example);
            Within(example.GetProperty("gradient_of_loss_by_logits_l2").GetDouble(), logits.grad!.square().sum().sqrt().item<double>(), example);
            compared++;
        }

        Assert.True(compared >= 22, $"only {compared} cases were compared");
    }

    [Fact]
    public void Kto_CasesOfTrl_GiveLossesAndGradients()
    {
        var file = Load("trl_kto_orpo_cpo_bco.json").GetProperty("kto");
        var chosen = file.GetProperty("policy_chosen").Numbers();
        var rejected = file.GetProperty("policy_rejected").Numbers();
        foreach (var example in file.GetProperty("cases").EnumerateArray())
        {
            using var scope = NewDisposeScope();
            var swapped = example.GetProperty("kl_policy_and_reference_swapped").GetBoolean();
            var kl = file.GetProperty("policy_kl").Numbers().Zip(file.GetProperty("ref_kl").Numbers(), (p, r) => swapped ? r - p : p - r).Average();
            var config = new KtoConfig
            {
                // Without the reference point KTO is APO-zero.
                LossType = example.GetProperty("use_kl").GetBoolean() ? KtoLossType.Kto : KtoLossType.ApoZeroUnpaired,
                Beta = example.GetProperty("beta").GetDouble(),
                DesirableWeight = example.GetProperty("desirable_weight").GetDouble(),
                UndesirableWeight = example.GetProperty("undesirable_weight").GetDouble(),
            };
            var policy_B = tensor([.. chosen, .. rejected]).requires_grad_();
            var reference_B = tensor([.. file.GetProperty("ref_chosen").Numbers(), .. file.GetProperty("ref_rejected").Numbers()]);
            var isDesirable_B = cat([ones(chosen.Length, dtype: float64), zeros(rejected.Length, dtype: float64)]);

            var losses_B = KtoLoss.Compute(policy_B - reference_B, isDesirable_B, kl, config);
            losses_B.mean().backward();

            Close(example.GetProperty("losses"), losses_B, 2e-5, 2e-6, example.ToString());
            Close(example.GetProperty("gradient_of_mean_by_policy_chosen"), policy_B.grad!.narrow(0, 0, chosen.Length), 2e-5, 2e-6, example.ToString());
            Close(example.GetProperty("gradient_of_mean_by_policy_rejected"), policy_B.grad!.narrow(0, chosen.Length, rejected.Length), 2e-5, 2e-6, example.ToString());
        }
    }

    [Fact]
    public void Orpo_CasesOfTrlAndOfTheDefinition_GiveLossesAndGradients()
    {
        var file = Load("trl_kto_orpo_cpo_bco.json").GetProperty("orpo");
        foreach (var example in file.GetProperty("cases").EnumerateArray())
        {
            using var scope = NewDisposeScope();
            var chosen_P = tensor(file.GetProperty("chosen").Numbers()).requires_grad_();
            var rejected_P = tensor(file.GetProperty("rejected").Numbers()).requires_grad_();

            var term_P = OrpoLoss.OddsRatio(chosen_P, rejected_P, example.GetProperty("beta").GetDouble());
            term_P.mean().backward();

            Within(example.GetProperty("term_added_to_nll").GetDouble(), term_P.mean().item<double>(), example);
            Close(example.GetProperty("gradient_of_term_by_chosen"), chosen_P.grad!, 2e-5, 2e-6, example.ToString());
            Close(example.GetProperty("gradient_of_term_by_rejected"), rejected_P.grad!, 2e-5, 2e-6, example.ToString());
        }

        foreach (var example in Load("preference_losses.json").GetProperty("orpo").EnumerateArray())
        {
            using var scope = NewDisposeScope();
            var (chosen, rejected) = (Scalar(example, "chosen_sum"), Scalar(example, "rejected_sum"));
            var value = OrpoLoss.OddsRatio(chosen / example.GetProperty("chosen_tokens").GetInt32(), rejected / example.GetProperty("rejected_tokens").GetInt32(), beta: 1);
            value.backward();
            CloseTo(example.GetProperty("value").GetDouble(), value.item<double>());
            CloseTo(example.GetProperty("gradient").GetProperty("chosen_sum").GetDouble(), chosen.grad!.item<double>());
            CloseTo(example.GetProperty("gradient").GetProperty("rejected_sum").GetDouble(), rejected.grad!.item<double>());
        }
    }

    [Fact]
    public void Simpo_CasesOfTrlAndOfTheDefinition_GiveLossesAndGradients()
    {
        var file = Load("trl_kto_orpo_cpo_bco.json").GetProperty("cpo");
        foreach (var example in file.GetProperty("cases").EnumerateArray())
        {
            using var scope = NewDisposeScope();
            var config = new SimpoConfig
            {
                LossType = Enum.Parse<SimpoLossType>(example.GetProperty("loss_type").GetString()!, ignoreCase: true),
                Beta = example.GetProperty("beta").GetDouble(),
                SimpoGamma = example.GetProperty("simpo_gamma").GetDouble(),
                LabelSmoothing = example.GetProperty("label_smoothing").GetDouble(),
                Alpha = example.GetProperty("alpha").GetDouble(),
            };
            var chosen_P = tensor(file.GetProperty("chosen").Numbers()).requires_grad_();
            var rejected_P = tensor(file.GetProperty("rejected").Numbers()).requires_grad_();

            var losses_P = SimpoLoss.Compute(chosen_P, rejected_P, config);
            losses_P.mean().backward();

            Close(example.GetProperty("losses"), losses_P, 2e-5, 2e-6, example.ToString());
            Close(example.GetProperty("gradient_of_mean_by_chosen"), chosen_P.grad!, 2e-5, 2e-6, example.ToString());
            Close(example.GetProperty("gradient_of_mean_by_rejected"), rejected_P.grad!, 2e-5, 2e-6, example.ToString());
        }

        foreach (var example in Load("preference_losses.json").GetProperty("simpo").EnumerateArray())
        {
            using var scope = NewDisposeScope();
            var config = new SimpoConfig { Beta = example.GetProperty("beta").GetDouble(), SimpoGamma = example.GetProperty("gamma").GetDouble() };
            var (chosen, rejected) = (Scalar(example, "chosen_sum"), Scalar(example, "rejected_sum"));
            var value = SimpoLoss.Compute(chosen / example.GetProperty("chosen_tokens").GetInt32(), rejected / example.GetProperty("rejected_tokens").GetInt32(), config);
            value.backward();
            CloseTo(example.GetProperty("value").GetDouble(), value.item<double>());
            CloseTo(example.GetProperty("gradient").GetProperty("chosen_sum").GetDouble(), chosen.grad!.item<double>());
            CloseTo(example.GetProperty("gradient").GetProperty("rejected_sum").GetDouble(), rejected.grad!.item<double>());
        }
    }

    private static JsonElement Load(string file) => JsonFixture.Load("fixtures", "algorithms", file);

    private static DpoLossType Type(string name) => Enum.Parse<DpoLossType>(name.Replace("_", "", StringComparison.Ordinal), ignoreCase: true);

    private static PairLogprobs Pairs(JsonElement example) => new(
        tensor(example.GetProperty("policy_chosen").Numbers()).requires_grad_(),
        tensor(example.GetProperty("policy_rejected").Numbers()).requires_grad_(),
        ones(example.GetProperty("policy_chosen").GetArrayLength(), dtype: float64),
        ones(example.GetProperty("policy_chosen").GetArrayLength(), dtype: float64),
        tensor(example.GetProperty("ref_chosen").Numbers()),
        tensor(example.GetProperty("ref_rejected").Numbers()));

    private static Tensor Scalar(JsonElement example, string field) => tensor(example.GetProperty(field).GetDouble(), dtype: float64).requires_grad_();

    private static Tensor Tensor2(JsonElement element) => tensor(element.Numbers()).reshape(element.Shape());

    private static Tensor Tensor3(JsonElement element) => tensor(element.Numbers()).reshape(element.Shape());

    // log-probabilities of the tokens 1… given those before.
    private static Tensor Select(Tensor logits_BTV, JsonElement inputs)
    {
        var ids_BT = Tensor2(inputs.GetProperty("input_ids")).to_type(int64);
        var columns = ids_BT.shape[1] - 1;
        return logits_BTV.narrow(1, 0, columns).log_softmax(-1).gather(2, ids_BT.narrow(1, 1, columns).unsqueeze(2)).squeeze(2);
    }

    private static void Close(JsonElement expected, Tensor actual, double relative, double absolute, string what)
    {
        var wanted = expected.Numbers();
        var values = actual.detach().to_type(float64).data<double>().ToArray();
        Assert.Equal(wanted.Length, values.Length);
        for (var i = 0; i < wanted.Length; i++)
        {
            Assert.True(Math.Abs(wanted[i] - values[i]) <= absolute + (relative * Math.Abs(wanted[i])), $"{what}: element {i} is {values[i]:r}, expected {wanted[i]:r}");
        }
    }

    private static void Within(double expected, double actual, JsonElement what) =>
        Assert.True(Math.Abs(expected - actual) <= 2e-6 + (2e-5 * Math.Abs(expected)), $"{actual:r}, expected {expected:r}: {what}");

    private static void CloseTo(double expected, double actual) =>
        Assert.True(Math.Abs(expected - actual) <= 1e-9 * Math.Max(1, Math.Abs(expected)), $"{actual:r}, expected {expected:r}");
}
