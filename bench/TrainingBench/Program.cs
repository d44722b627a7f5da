using System.Text.Json.Nodes;
using Rlhf.Bench;
using Rlhf.Modeling.Heads;
using Rlhf.Numerics;
using TrainingBench;

string[] precisions = ["fp32", "bf16"];

if (args is ["serve"])
{
    Serve();
    return 0;
}

return BenchOptions.Run(args, "Training step", options =>
{
    var limits = MachineLimits.Measure();
    var table = new MarkdownTable("step", "configuration", "system", "tokens/s", "best", "share of GEMM limit", "rlhf is faster by");
    var parts = new MarkdownTable("step", "configuration", "system", "body forward s", "head forward s", "backward s", "clip s", "AdamW s", "all s");
    foreach (var task in (string[])["train", "sft", "reward", "dpo"])
    {
        foreach (var config in options.Configurations)
        {
            Compare(task, config, options, limits, table, parts);
        }
    }

    Console.WriteLine("1,024 tokens a step: 4 × 256, cross-entropy at every position (train); 4 prompts of 128 tokens with completions of 128 (sft); 4 pairs of 2 × 128");
    Console.WriteLine("(reward); 2 pairs of prompts of 128 with completions of 128, the reference's log-probabilities given (dpo). Gradients clipped at 1, AdamW.\n");
    table.Print();
    Console.WriteLine("Where the time goes; \"eager\" is the same step on libtorch's operators alone (RLHF_KERNELS=none).\n");
    parts.Print();
});

void Compare(string task, string config, BenchOptions options, MachineLimits limits, MarkdownTable table, MarkdownTable parts)
{
    using var step = Step(task, config);
    using var eager = BenchChild.StartSelf(new Dictionary<string, string> { ["RLHF_KERNELS"] = "none" });
    var baselines = new List<(string Name, BenchChild Child)>();
    var ours = new List<Variant>();
    var theirs = new List<Variant>();
    foreach (var precision in precisions)
    {
        ours.Add(new Variant($"rlhf {precision}", () => step.Run(precision)));
        ours.Add(new Variant($"rlhf {precision}, eager", () => eager.Request(new JsonObject { ["task"] = task, ["config"] = config, ["dtype"] = precision })));
    }

    foreach (var environment in options.Baselines)
    {
        if (BenchChild.StartPython("training.py", environment) is not { } child)
        {
            break;
        }

        baselines.Add((environment.Name, child));
        foreach (var precision in precisions)
        {
            theirs.Add(new Variant(Baseline(precision, environment.Name), () => child.Request(Request(task, config, precision))));
        }
    }

    var rounds = Rounds.Run(options.Repetitions, [.. ours, .. theirs]);
    foreach (var variant in ours.Concat(theirs))
    {
        var precision = precisions.First(name => variant.Name.Contains(name, StringComparison.Ordinal));
        var limit = limits.Flops(precision) / (6.0 * step.ActiveParameters);
        var speed = step.Tokens / rounds.Median(variant.Name);
        var reference = $"rlhf {precision}";
        table.Add(
            task, config, variant.Name, speed, step.Tokens / rounds.Best(variant.Name), MarkdownTable.Share(speed / limit),
            variant.Name == reference ? "" : MarkdownTable.Factor(rounds.Speedup(reference, variant.Name)));
    }

    foreach (var variant in ours)
    {
        parts.Add(
            task, config, variant.Name, rounds.Median(variant.Name, "body forward"), rounds.Median(variant.Name, "head forward"),
            rounds.Median(variant.Name, "backward"), rounds.Median(variant.Name, "clip"), rounds.Median(variant.Name, "AdamW"), rounds.Median(variant.Name));
    }

    foreach (var variant in ours.Concat(theirs))
    {
        Console.WriteLine(FormattableString.Invariant($"{task} {config}, {variant.Name}: median loss {rounds.Median(variant.Name, "loss"):F3}"));
    }

    Console.WriteLine();
    baselines.ForEach(baseline => baseline.Child.Dispose());
}

void Serve()
{
    var steps = new Dictionary<(string, string), TrainingStep>();
    BenchChild.Serve(request =>
    {
        var key = ((string)request["task"]!, (string)request["config"]!);
        if (!steps.TryGetValue(key, out var step))
        {
            steps[key] = step = Step(key.Item1, key.Item2);
        }

        return step.Run((string)request["dtype"]!);
    });
}

static TrainingStep Step(string task, string config)
{
    var model = BenchModels.Create(config);
    if (task != "reward")
    {
        return task == "train" ? new LanguageModelStep(model) : task == "sft" ? new SftStep(model) : new DpoStep(model);
    }

    using (model)
    {
        return new RewardModelStep(ScalarHeadModel.FromCausal(model, new Philox(2)));
    }
}

static string Baseline(string precision, string environment) => $"PyTorch {precision}{(precision == "bf16" ? " autocast" : "")}{environment}";

static JsonObject Request(string task, string config, string precision)
{
    (string Name, int Value)[] sizes = task switch
    {
        "train" => [("batch", LanguageModelStep.Batch), ("tokens", LanguageModelStep.Length)],
        "sft" => [("batch", SftStep.Batch), ("prompt", CompletionStep.Prompt), ("completion", CompletionStep.Completion)],
        "reward" => [("pairs", RewardModelStep.Pairs), ("tokens", RewardModelStep.Length)],
        _ => [("pairs", DpoStep.Pairs), ("prompt", CompletionStep.Prompt), ("completion", CompletionStep.Completion)],
    };
    var request = new JsonObject { ["task"] = task, ["config"] = config, ["dtype"] = precision };
    foreach (var (name, value) in sizes)
    {
        request[name] = value;
    }

    return request;
}
