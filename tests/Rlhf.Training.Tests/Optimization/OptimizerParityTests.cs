using Rlhf.TestSupport;
using Rlhf.Training.Optimization;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Rlhf.Training.Tests.Optimization;

/// <summary>Optimizer, clipping and schedules against PyTorch and transformers.</summary>
[Trait("Category", "Parity")]
public sealed class OptimizerParityTests
{
    [Fact]
    public void AdamW_FixtureCases_FollowTheStatedParameters()
    {
        var file = JsonFixture.Load("fixtures", "algorithms", "optimizers.json");
        var tolerance = file.GetProperty("tolerance_rel").GetDouble();
        var compared = 0;
        foreach (var entry in file.GetProperty("cases").EnumerateArray())
        {
            var decay = entry.GetProperty("weight_decay").GetDouble();
            var style = entry.GetProperty("name").GetString() switch
            {
                "tf" => AdamEpsilonStyle.Tensorflow,
                "torch.optim.AdamW" => AdamEpsilonStyle.Pytorch,

                // Adam differs from AdamW in its decay only.
                "torch.optim.Adam" when decay == 0 => AdamEpsilonStyle.Pytorch,
                _ => (AdamEpsilonStyle?)null,
            };
            if (style is null)
            {
                continue;
            }

            using var scope = NewDisposeScope();
            var parameter = new Parameter(tensor(entry.GetProperty("start").Numbers()));
            using var optimizer = new AdamWOptimizer(
                [("p", parameter)],
                new AdamWSettings
                {
                    Beta1 = entry.GetProperty("beta1").GetDouble(),
                    Beta2 = entry.GetProperty("beta2").GetDouble(),
                    Epsilon = entry.GetProperty("eps").GetDouble(),
                    EpsilonStyle = style.Value,
                    WeightDecay = decay,
                });
            foreach (var (gradient, expected) in entry.GetProperty("gradients").EnumerateArray().Zip(entry.GetProperty("after_each_step").EnumerateArray()))
            {
                parameter.grad = tensor(gradient.Numbers());
                optimizer.Step(entry.GetProperty("lr").GetDouble());
                AssertClose(expected.Numbers(), parameter, tolerance);
            }

            compared++;
        }

        Assert.True(compared >= 9, $"only {compared} cases were compared");
    }

    [Fact]
    public void ClipByNorm_FixtureCases_GiveStatedNormAndGradients()
    {
        var file = JsonFixture.Load("fixtures", "algorithms", "optimizers.json");
        foreach (var entry in file.GetProperty("clip_grad_norm").GetProperty("cases").EnumerateArray())
        {
            using var scope = NewDisposeScope();
            var parameters = entry.GetProperty("gradients").EnumerateArray().Select(g => WithGradient(tensor(g.Numbers(), g.Shape()))).ToArray();

            var (norm, factor) = GradientClipping.ByNorm(parameters, entry.GetProperty("max_norm").GetDouble());

            Assert.Equal(entry.GetProperty("norm_before").GetDouble(), norm.item<double>(), 1e-12);
            foreach (var (parameter, expected) in parameters.Zip(entry.GetProperty("gradients_after").EnumerateArray()))
            {
                AssertClose(expected.Numbers(), parameter.grad! * factor, 1e-12);
            }
        }
    }

    [Fact]
    public void Schedules_FixtureCases_GiveStatedRates()
    {
        var file = JsonFixture.Load("fixtures", "algorithms", "optimizers.json");
        var compared = 0;
        foreach (var entry in file.GetProperty("schedules").GetProperty("cases").EnumerateArray())
        {
            var kind = entry.GetProperty("name").GetString() switch
            {
                "cosine" => ScheduleKind.Cosine,
                "linear" => ScheduleKind.Linear,
                "constant_with_warmup" => ScheduleKind.Constant,
                _ => (ScheduleKind?)null,
            };

            // More than one half wave goes down and up again; the platform has no use for it.
            if (kind is null || entry.Optional("num_cycles") is not null)
            {
                continue;
            }

            var schedule = new LearningRateSchedule(
                kind.Value,
                entry.GetProperty("base_lr").GetDouble(),
                (long)(entry.Optional("total_steps") ?? long.MaxValue),
                entry.GetProperty("warmup_steps").GetInt64());
            var rates = entry.GetProperty("lr_of_step").Numbers();

            // After its last step transformers' cosine rises again; ours stays down.
            for (var step = 0; step < rates.Length && step <= (entry.Optional("total_steps") ?? rates.Length); step++)
            {
                Assert.Equal(rates[step], schedule.At(step), 1e-15);
            }

            compared++;
        }

        Assert.True(compared >= 5, $"only {compared} schedules were compared");
    }

    private static Parameter WithGradient(Tensor gradient) => new(zeros_like(gradient)) { grad = gradient };

    private static void AssertClose(double[] expected, Tensor actual, double relative)
    {
        var numbers = actual.detach().data<double>().ToArray();
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.True(
                Math.Abs(expected[i] - numbers[i]) <= relative * Math.Max(1e-6, Math.Abs(expected[i])),
                $"[{i}]: expected {expected[i]:r}, got {numbers[i]:r}");
        }
    }
}
