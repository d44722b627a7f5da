using System.Text.Json.Nodes;
using Rlhf.Bench;
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
    foreach (var task in (string[])["train", "reward"])
    {
        foreach (var config in options.Configurations)
        {
            Compare(task, config, options, limits, table, parts);
        }
    }

    Console.WriteLine("Batch 4 × 256 tokens, cross-entropy at every position (train); 4 pairs of 2 × 128 tokens (reward); gradients clipped at 1, AdamW.\n");
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
        var limit = (precision == "bf16" ? limits.Bf16Flops : limits.Fp32Flops) / (6.0 * step.ActiveParameters);
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
    var steps = new Dictionary<(string, string), ITrainingStep>();
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

static ITrainingStep Step(string task, string config) => task == "train" ? new LanguageModelStep(config) : new RewardModelStep(config);

static string Baseline(string precision, string environment) => $"PyTorch {precision}{(precision == "bf16" ? " autocast" : "")}{environment}";

static JsonObject Request(string task, string config, string precision) => task == "train"
    ? new JsonObject { ["task"] = task, ["config"] = config, ["dtype"] = precision, ["batch"] = LanguageModelStep.Batch, ["tokens"] = LanguageModelStep.Length }
    : new JsonObject { ["task"] = task, ["config"] = config, ["dtype"] = precision, ["pairs"] = RewardModelStep.Pairs, ["tokens"] = RewardModelStep.Length };
