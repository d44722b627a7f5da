using System.Text.Json;
using Rlhf.TestSupport;
using Rlhf.Training.Batching;
using Rlhf.Training.Optimization;
using TorchSharp;
using Trainer.Service.Algorithms.Online;
using static TorchSharp.torch;

namespace Trainer.Service.Tests.Algorithms.Online;

/// <summary>Advantages, losses and whole updates without a critic against TRL, the definitions, and runs made with transformers.</summary>
[Trait("Category", "Parity")]
public sealed class OnlineParityTests
{
    // What the reference has and we do not offer: variants tied to a second engine's log-probabilities, entropy terms, and three losses.
    private static readonly string[] s_notOffered = ["sapo", "vespo", "luspo"];

    public static TheoryData<string> Files => ReferenceRun.Files("group");

    [Fact]
    public void Advantages_CasesOfTheDefinitions_AreGiven()
    {
        foreach (var example in JsonFixture.Load("fixtures", "algorithms", "group_advantages.json").GetProperty("cases").EnumerateArray())
        {
            using var scope = NewDisposeScope();
            var rewards_GK = tensor(example.GetProperty("rewards").Numbers()).reshape(example.GetProperty("rewards").Shape());
            if (rewards_GK.shape[1] > 1)
            {
                Close(example.GetProperty("rloo"), GroupAdvantages.LeaveOneOut(rewards_GK), 1e-9);
                Close(example.GetProperty("batch_normalised_rloo"), GroupAdvantages.Normalise(GroupAdvantages.LeaveOneOut(rewards_GK)), 1e-7);
            }

            Close(example.GetProperty("grpo"), GroupAdvantages.Grpo(rewards_GK, ScaleRewards.Group), 1e-9);
            Close(example.GetProperty("grpo_std_over_batch"), GroupAdvantages.Grpo(rewards_GK, ScaleRewards.Batch), 1e-9);
            Close(example.GetProperty("dr_grpo"), GroupAdvantages.Grpo(rewards_GK, ScaleRewards.None), 1e-9);
        }
    }

    [Fact]
    public void Grpo_CasesOfTrl_GiveLossAndGradient()
    {
        var file = JsonFixture.Load("fixtures", "algorithms", "trl_grpo_rloo.json");
        var inputs = file.GetProperty("inputs");
        var compared = 0;
        foreach (var example in file.GetProperty("cases").EnumerateArray())
        {
            if (s_notOffered.Contains(example.GetProperty("loss_type").GetString())
                || example.GetProperty("kl_bias_correction").GetBoolean()
                || example.GetProperty("sampler_ratio_given").GetBoolean()
                || example.Optional("off_policy_mask_threshold") is not null
                || example.GetProperty("entropy_coef").GetDouble() != 0
                || example.GetProperty("top_entropy_quantile").GetDouble() != 1
                || example.GetProperty("gradient_accumulation_steps").GetInt32() != 1)
            {
                continue;
            }

            using var scope = NewDisposeScope();
            var name = example.GetProperty("loss_type").GetString()!;
            var config = new GrpoConfig
            {
                // With whole steps TRL's bnpo and dapo are one.
                LossType = name switch { "grpo" => GrpoLossType.Grpo, "dr_grpo" => GrpoLossType.DrGrpo, "dapo" or "bnpo" => GrpoLossType.Dapo, _ => GrpoLossType.Cispo },
                ImportanceSamplingLevel = example.GetProperty("importance_sampling_level").GetString() == "sequence" ? ImportanceSamplingLevel.Sequence : ImportanceSamplingLevel.Token,
                Beta = example.GetProperty("beta").GetDouble(),
                Epsilon = example.GetProperty("epsilon_low").GetDouble(),
                EpsilonHigh = example.GetProperty("epsilon_high").GetDouble(),
                Delta = example.Optional("delta"),
            };
            var mask_BT = Matrix(inputs, "completion_mask");
            var logits = tensor(inputs.GetProperty("logits").Numbers()).reshape(inputs.GetProperty("logits").Shape()).requires_grad_();
            var logprobs_BT = Logprobs(logits, Matrix(inputs, "tokens").to_type(int64));
            var old_BT = example.GetProperty("old_logprobs_given").GetBoolean() ? Matrix(inputs, "old_logprobs") : logprobs_BT.detach();
            var advantages_BT = tensor(inputs.GetProperty("advantages").Numbers()).unsqueeze(1).expand_as(mask_BT);
            var weights_BT = PolicyGradientLoss.Weights(mask_BT, config.LossType, inputs.GetProperty("max_completion_length").GetInt32());

            var result = PolicyGradientLoss.Grpo(logprobs_BT, old_BT, Matrix(inputs, "ref_logprobs"), advantages_BT, mask_BT, weights_BT, config);
            result.Loss.backward();

            Within(example.GetProperty("loss").GetDouble(), result.Loss.item<double>(), example);
            Within(example.GetProperty("gradient_of_loss_by_logits_l2").GetDouble(), logits.grad!.square().sum().sqrt().item<double>(), example);
            compared++;
        }

        Assert.True(compared >= 10, $"only {compared} cases were compared");
    }

    [Fact]
    public void Rloo_CasesOfTrl_GiveAdvantagesLossAndGradient()
    {
        var file = JsonFixture.Load("fixtures", "algorithms", "trl_grpo_rloo.json");
        var inputs = file.GetProperty("inputs");
        foreach (var example in file.GetProperty("rloo").GetProperty("cases").EnumerateArray())
        {
            using var scope = NewDisposeScope();
            var mask_BT = Matrix(inputs, "completion_mask");
            var logits = tensor(inputs.GetProperty("logits").Numbers()).reshape(inputs.GetProperty("logits").Shape()).requires_grad_();
            var logprobs_BT = Logprobs(logits, Matrix(inputs, "tokens").to_type(int64));
            var advantages_B = tensor(example.GetProperty("advantages").Numbers());
            var old_B = tensor(example.GetProperty("old_sequence_logprobs").Numbers());

            // The file gives the sum of the old log-probabilities; any tokens that add up to it will do.
            var old_BT = mask_BT * (old_B / mask_BT.sum(1)).unsqueeze(1);
            var result = PolicyGradientLoss.Rloo(
                logprobs_BT, old_BT, advantages_B.unsqueeze(1).expand_as(mask_BT), mask_BT, PolicyGradientLoss.Weights(mask_BT, GrpoLossType.Grpo, 1), epsilon: 0.2);
            result.Loss.backward();

            Within(example.GetProperty("loss").GetDouble(), result.Loss.item<double>(), example);
            Within(example.GetProperty("gradient_of_loss_by_logits_l2").GetDouble(), logits.grad!.square().sum().sqrt().item<double>(), example);
            if (!example.GetProperty("normalize_advantages").GetBoolean())
            {
                var rewards_GK = tensor(inputs.GetProperty("rewards").Numbers()).reshape(-1, inputs.GetProperty("group_size").GetInt32());
                Close(example.GetProperty("advantages"), GroupAdvantages.LeaveOneOut(rewards_GK), 1e-6);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Updates_ReferenceRun_ShowTheSameNumbers(string file)
    {
        foreach (var run in JsonFixture.Load("fixtures", "algorithms", file).GetProperty("runs").EnumerateArray())
        {
            using var scope = NewDisposeScope();
            var name = run.GetProperty("model").GetString()!;
            using var model = ReferenceRun.Load(name);
            using var reference = ReferenceRun.Load(name);
            var kind = run.GetProperty("kind").GetString()!;
            var eos = run.GetProperty("eos").GetInt32();
            var responses = run.GetProperty("responses").Rows();
            var lengths = responses.Select(r => Array.IndexOf(r, eos) is var at and >= 0 ? at + 1 : r.Length).ToArray();
            var columns = responses[0].Length;
            var batch = PromptResponseBatch.Create(run.GetProperty("prompts").Rows(), [.. responses.Select((r, b) => r[..lengths[b]])], padId: 0, width: null, columns);
            var mask_BT = arange(columns, int64).unsqueeze(0).lt(tensor(lengths.Select(l => (long)l).ToArray()).unsqueeze(1)).to_type(float32);
            var advantages_BT = tensor(run.GetProperty("advantages").Numbers()).to_type(float32).unsqueeze(1).expand_as(mask_BT);
            var old_BT = (tensor(run.GetProperty("old_logprobs").Numbers()).reshape(responses.Length, columns).to_type(float32) * mask_BT).nan_to_num();
            var config = new GrpoConfig
            {
                LossType = kind switch { "dapo" => GrpoLossType.Dapo, "dr_grpo" => GrpoLossType.DrGrpo, _ => GrpoLossType.Grpo },
                ImportanceSamplingLevel = kind.Contains("gspo", StringComparison.Ordinal) ? ImportanceSamplingLevel.Sequence : ImportanceSamplingLevel.Token,
                Beta = run.GetProperty("beta").GetDouble(),
                Epsilon = run.GetProperty("clip_low").GetDouble(),
                EpsilonHigh = run.GetProperty("clip_high").GetDouble(),
            };
            var hyperparameters = run.GetProperty("hyperparameters");
            var schedule = ReferenceRun.Schedule(hyperparameters);
            using var optimizer = new AdamWOptimizer(model.named_parameters(), ReferenceRun.Adam(hyperparameters));
            var weights_BT = PolicyGradientLoss.Weights(mask_BT, config.LossType, columns);
            Tensor reference_BT;
            using (no_grad())
            {
                reference_BT = Logprobs(reference, batch);
            }

            foreach (var step in run.GetProperty("steps").EnumerateArray())
            {
                using var stepScope = NewDisposeScope();
                var number = step.GetProperty("step").GetInt32();
                optimizer.ZeroGrad();
                var logprobs_BT = Logprobs(model, batch);
                var result = kind == "rloo"
                    ? PolicyGradientLoss.Rloo(logprobs_BT, old_BT, advantages_BT, mask_BT, weights_BT, config.Epsilon)
                    : PolicyGradientLoss.Grpo(logprobs_BT, old_BT, reference_BT, advantages_BT, mask_BT, weights_BT, config);
                result.Loss.backward();
                var (norm, factor) = GradientClipping.ByNorm(optimizer.Parameters, hyperparameters.GetProperty("max_grad_norm").GetDouble());
                optimizer.Step(schedule.At(number), factor);
                ReferenceRun.CheckStep(run, step, schedule.At(number), result.Loss, norm);
            }

            ReferenceRun.CheckParameters(run, model.named_parameters().Select(p => (p.name, (Tensor)p.parameter)));
        }
    }

    private static Tensor Logprobs(Rlhf.Modeling.Transformer.CausalLanguageModel model, PromptResponseBatch batch) =>
        batch.ToCells(model.Logprobs(model.Hidden(batch.InputIds_BL, places_N: batch.PredictorIndex_N), batch.ResponseIds_N).Logprobs_N);

    private static Tensor Logprobs(Tensor logits_BTV, Tensor tokens_BT) => logits_BTV.log_softmax(-1).gather(2, tokens_BT.unsqueeze(2)).squeeze(2);

    private static Tensor Matrix(JsonElement inputs, string field) => tensor(inputs.GetProperty(field).Numbers()).reshape(inputs.GetProperty(field).Shape());

    private static void Close(JsonElement expected, Tensor actual, double tolerance)
    {
        var wanted = expected.Numbers();
        var values = actual.to_type(float64).reshape(-1).data<double>().ToArray();
        Assert.Equal(wanted.Length, values.Length);
        Assert.All(wanted.Zip(values), pair => Assert.True(Math.Abs(pair.First - pair.Second) <= tolerance * Math.Max(1, Math.Abs(pair.First)), $"{pair.Second:r}, expected {pair.First:r}"));
    }

    private static void Within(double expected, double actual, JsonElement what) =>
        Assert.True(Math.Abs(expected - actual) <= 2e-6 + (3e-5 * Math.Abs(expected)), $"{actual:r}, expected {expected:r}: {what}");
}
