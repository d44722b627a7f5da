using System.Text.Json;
using Rlhf.Modeling.Checkpoints;
using Rlhf.Modeling.Heads;
using Rlhf.Modeling.Transformer;
using Rlhf.Numerics;
using Rlhf.TestSupport;
using Rlhf.Training.Optimization;
using TorchSharp;
using static TorchSharp.torch;

namespace Trainer.Service.Tests.Algorithms;

/// <summary>A training run that was made with transformers and PyTorch: starting weights, hyperparameters, what each step showed.</summary>
internal static class ReferenceRun
{
    /// <summary>The files of one kind of run, as rows of a theory; without reference data one row that skips.</summary>
    public static TheoryData<string> Files(string kind)
    {
        var data = new TheoryData<string>();
        var folder = SharedData.Root is null ? null : Path.Combine(SharedData.Root, "fixtures", "algorithms");
        foreach (var file in folder is not null && Directory.Exists(folder)
            ? Directory.GetFiles(folder, $"run_*_{kind}.json").Select(f => Path.GetFileName(f)!).Order(StringComparer.Ordinal)
            : (IEnumerable<string>)[$"run_llama_{kind}.json"])
        {
            data.Add(file);
        }

        return data;
    }

    /// <summary>The starting weights of a run; a test of a model family that is not supported is skipped.</summary>
    public static CausalLanguageModel Load(string name) => PretrainedModel.LoadCausal(Folder(name));

    /// <summary>The starting weights under a scalar head.</summary>
    public static ScalarHeadModel LoadScalar(string name, double[] head)
    {
        using var body = Load(name);
        var model = ScalarHeadModel.FromCausal(body, new Philox(0));
        using var noGrad = no_grad();
        model.named_parameters().Single(p => p.name == "score.weight").parameter.copy_(tensor(head, [1, head.Length]));
        return model;
    }

    /// <summary>AdamW of the run.</summary>
    public static AdamWSettings Adam(JsonElement hyperparameters) => new()
    {
        Beta1 = hyperparameters.GetProperty("betas")[0].GetDouble(),
        Beta2 = hyperparameters.GetProperty("betas")[1].GetDouble(),
        Epsilon = hyperparameters.GetProperty("eps").GetDouble(),
        WeightDecay = hyperparameters.GetProperty("weight_decay").GetDouble(),
        WeightDecayScope = hyperparameters.GetProperty("weight_decay_on").GetString() == "all parameters"
            ? WeightDecayScope.AllParameters
            : WeightDecayScope.MatricesOnly,
    };

    /// <summary>The learning rates of the run.</summary>
    public static LearningRateSchedule Schedule(JsonElement hyperparameters) => new(
        hyperparameters.GetProperty("schedule").GetString() == "cosine" ? ScheduleKind.Cosine : ScheduleKind.Linear,
        hyperparameters.GetProperty("lr").GetDouble(),
        hyperparameters.GetProperty("total_steps").GetInt64(),
        hyperparameters.GetProperty("warmup_steps").GetInt64());

    /// <summary>
    /// Loss, gradient norm and learning rate of a step, within the file's tolerances; for the loss at least four times what single precision cost the
    /// reference itself, because ours rounds at other places (IPO's squares of sums: 2.8e-5).
    /// </summary>
    public static void CheckStep(JsonElement run, JsonElement step, double learningRate, Tensor loss, Tensor gradientNorm)
    {
        var tolerance = run.GetProperty("tolerance");
        var number = step.GetProperty("step").GetInt32();
        Assert.Equal(step.GetProperty("lr").GetDouble(), learningRate, 1e-15);
        var rounding = run.TryGetProperty("largest_loss_difference_to_fp64", out var difference) ? difference.GetDouble() : 0;
        var margin = Math.Max(tolerance.GetProperty("loss_abs").GetDouble(), 4 * rounding);
        Within(step.GetProperty("loss").GetDouble(), loss.item<float>(), margin, $"loss of step {number}");
        var norm = step.GetProperty("gradient_norm_before_clipping").GetDouble();
        Within(norm, gradientNorm.item<float>(), norm * tolerance.GetProperty("gradient_norm_rel").GetDouble(), $"gradient norm of step {number}");
    }

    /// <summary>The L2 norms of all parameters after the run.</summary>
    public static void CheckParameters(JsonElement run, IEnumerable<(string Name, Tensor Parameter)> parameters)
    {
        var relative = run.GetProperty("tolerance").GetProperty("parameter_l2_rel").GetDouble();
        var actual = parameters.ToDictionary(p => p.Name, p => p.Parameter, StringComparer.Ordinal);
        foreach (var expected in run.GetProperty("parameters_after").EnumerateObject())
        {
            var l2 = expected.Value.GetProperty("l2").GetDouble();
            Assert.True(actual.TryGetValue(expected.Name, out var parameter), $"the model has no parameter {expected.Name}");

            // Adding a constant to all keys changes no attention, so a third of this bias has rounding errors for gradients, of which Adam
            // makes steps as long as any.
            var margin = l2 * relative * (expected.Name.EndsWith(".c_attn.bias", StringComparison.Ordinal) ? 10 : 1);
            Within(l2, parameter.detach().to_type(float64).square().sum().sqrt().item<double>(), margin, $"norm of {expected.Name}");
        }
    }

    /// <summary>|actual − expected| ≤ tolerance, naming what was compared.</summary>
    public static void Within(double expected, double actual, double tolerance, string what) =>
        Assert.True(Math.Abs(expected - actual) <= tolerance, $"{what}: expected {expected:r}, got {actual:r}, tolerance {tolerance:g3}");

    private static string Folder(string name)
    {
        var trained = SharedData.Root is null ? null : Path.Combine(SharedData.Root, "models", name);
        var folder = trained is not null && Directory.Exists(trained) ? trained : SharedData.Require("fixtures", "transformers", name);
        using var config = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "config.json")));
        var family = config.RootElement.GetProperty("model_type").GetString();
        Assert.SkipUnless(
            TransformerConfig.SupportedModelTypes.Contains(family),
            $"models of the family {family} are not supported; supported are {string.Join(", ", TransformerConfig.SupportedModelTypes)}");
        return folder;
    }
}
