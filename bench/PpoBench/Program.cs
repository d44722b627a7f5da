using System.Diagnostics;
using System.Text.Json.Nodes;
using PpoBench;
using Rlhf.Bench;
using Rlhf.Modeling.Heads;
using Rlhf.Numerics;
using Rlhf.Training.Metrics;
using Trainer.Service.Algorithms.Ppo;

string[] phases = ["sample", "log-probs", "reward", "optimise", Variant.All, "cpu", "peak"];

return BenchOptions.Run(args, "PPO iteration", options =>
{
    var limits = MachineLimits.Measure();
    var table = new MarkdownTable(
        "configuration", "system", "sample s", "log-probs s", "reward s", "optimise s", "all s", "CPU s", "share of limit", "peak MiB", "rlhf takes", "CPU");
    foreach (var config in options.Configurations)
    {
        foreach (var precision in (string[])["fp32", "bf16"])
        {
            Compare(config, precision, valueHead: true, options, limits, table);
            Compare(config, precision, valueHead: false, options, limits, table);
        }
    }

    Console.WriteLine(
        $"{Iteration.Batch} prompts of {Iteration.PromptTokens} tokens, {Iteration.NewTokens} sampled tokens each, {Iteration.Epochs} epochs in mini-batches of "
        + $"{Iteration.Batch / Iteration.Minibatches}; rewards by a function.");
    if (!options.Full)
    {
        Console.WriteLine($"One epoch was run, and its time taken {Iteration.Epochs} times (--full: {Iteration.Epochs} epochs).");
    }

    Console.WriteLine("TRL 0.4 has a value head on the policy's trunk: \"value head\" is the same work, \"own critic\" trains a second transformer besides, as TRL does since 0.12.");
    Console.WriteLine("The limit has the output matrix on response tokens only, one pass for log-probabilities (the reference's), and the critic of the row.\n");
    table.Print();
});

void Compare(string config, string precision, bool valueHead, BenchOptions options, MachineLimits limits, MarkdownTable table)
{
    // An iteration of gpt2 takes most of a minute: two of each system without a warm-up, where nothing else is asked for.
    var isLong = config == "gpt2" && !options.Full;
    var (repetitions, warmups) = isLong ? (Math.Min(2, options.Repetitions), 0) : (options.Repetitions, 1);
    var epochs = options.Full ? Iteration.Epochs : 1;
    var rounds = new Rounds();
    var ours = $"rlhf {precision}, {(valueHead ? "value head" : "own critic")}";

    // A process for each row: what another precision's models hold would count in its peak.
    var children = options.Baselines.Select(environment => (environment.Name, Child: BenchChild.StartPython("ppo.py", environment))).Where(c => c.Child is not null).ToArray();
    var theirs = children
        .Select(child => new Variant(
            $"PyTorch, TRL's way, {precision}{(precision == "bf16" ? " weights" : "")}{child.Name}",
            () => child.Child!.Request(new JsonObject
            {
                ["task"] = "iterate", ["config"] = config, ["dtype"] = precision, ["batch"] = Iteration.Batch, ["prompt_tokens"] = Iteration.PromptTokens,
                ["new_tokens"] = Iteration.NewTokens, ["epochs"] = epochs, ["minibatch"] = Iteration.Batch / Iteration.Minibatches,
            })))
        .ToArray();

    // The trainer owns its loop, so the baseline has its turns between two of its updates.
    Train(config, precision, valueHead, epochs, repetitions + warmups, (update, seconds) =>
    {
        Add(ours, seconds);
        foreach (var variant in theirs)
        {
            Add(variant.Name, variant.Run());
        }

        void Add(string name, IReadOnlyDictionary<string, double> measured)
        {
            if (update > warmups)
            {
                rounds.Add(name, Scaled(measured, Iteration.Epochs / epochs));
            }
        }
    });

    var bf16 = precision == "bf16";
    foreach (var name in theirs.Select(variant => variant.Name).Prepend(ours))
    {
        var limit = Iteration.Limit(config, valueHead || name != ours, limits.Flops(precision), limits, bf16 ? 2 : 4);
        var cells = phases.Select(phase => (object)rounds.Median(name, phase)).ToList();
        cells.Insert(cells.Count - 1, MarkdownTable.Share(limit / rounds.Median(name)));
        var (takes, takesCpu) = name == ours
            ? ("", "")
            : (MarkdownTable.Factor(1 / rounds.Speedup(ours, name)), MarkdownTable.Factor(1 / rounds.Speedup(ours, name, "cpu")));
        table.Add([config, name, .. cells, takes, takesCpu]);
        if (name != ours)
        {
            // On a loaded machine the whole table is long in coming.
            Console.WriteLine($"{config}, {ours}: {takes} the time of {name}, {takesCpu} its processor time\n");
        }
    }

    Array.ForEach(children, child => child.Child!.Dispose());
}

static void Train(string config, string precision, bool valueHead, int epochs, int updates, Action<int, IReadOnlyDictionary<string, double>> onUpdate)
{
    using var policy = BenchModels.Create(config);
    using TorchSharp.torch.nn.Module critic = valueHead ? new ValueHead(policy, new Philox(2)) : ScalarHeadModel.FromCausal(policy, new Philox(2));
    var settings = new PpoConfig
    {
        Updates = updates,
        BatchSize = Iteration.Batch,
        Epochs = epochs,
        MinibatchCount = Iteration.Minibatches,
        MaxNewTokens = Iteration.NewTokens,
        Bf16 = precision == "bf16",
        ValueHead = valueHead,
    };
    var prompts = Enumerable.Range(0, Iteration.Batch * updates).Select(i => BenchModels.Tokens(policy.Config, Iteration.PromptTokens, (ulong)i)).ToArray();
    var rewardSeconds = 0.0;
    PeakMemory.Reset();
    using var process = Process.GetCurrentProcess();
    var (begun, observed) = (ProcessorSeconds(), 0.0);
    using var trainer = new PpoTrainer(settings, policy, critic, prompts, (_, responses) =>
    {
        observed = ProcessorSeconds();
        var clock = Stopwatch.StartNew();
        float[] scores = [.. responses.Select(ids => (float)ids.Average(id => id % 2))];
        rewardSeconds = clock.Elapsed.TotalSeconds;
        return scores;
    });
    trainer.Train(progress: report =>
    {
        var metrics = report.Metrics;
        onUpdate(report.Step, new Dictionary<string, double>
        {
            ["sample"] = metrics[MetricNames.RolloutSeconds],
            ["log-probs"] = metrics[MetricNames.ScoreSeconds] - rewardSeconds,
            ["reward"] = rewardSeconds,
            ["optimise"] = metrics[MetricNames.LearnSeconds],
            ["cpu before"] = observed - begun,
            ["cpu optimise"] = ProcessorSeconds() - observed,
            ["peak"] = PeakMemory.Mebibytes(),
        });
        begun = ProcessorSeconds();
    });

    double ProcessorSeconds()
    {
        process.Refresh();
        return process.TotalProcessorTime.TotalSeconds;
    }
}

static Dictionary<string, double> Scaled(IReadOnlyDictionary<string, double> measured, int times)
{
    var scaled = new Dictionary<string, double>(measured) { ["optimise"] = times * measured["optimise"] };
    scaled["cpu"] = measured["cpu before"] + (times * measured["cpu optimise"]);
    scaled[Variant.All] = scaled["sample"] + scaled["log-probs"] + scaled["reward"] + scaled["optimise"];
    return scaled;
}
