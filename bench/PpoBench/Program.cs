using System.Text.Json.Nodes;
using Rlhf.Bench;
using Rlhf.Modeling.Heads;
using Rlhf.Numerics;
using Rlhf.Training.Metrics;
using Trainer.Service.Algorithms.Ppo;

const int Batch = 16;
const int PromptTokens = 64;
const int NewTokens = 64;
const int Minibatches = 4;
const int Epochs = 4;
string[] phases = ["sample", "log-probs", "optimise", Variant.All];

string[] precisions = ["fp32", "bf16"];

return BenchOptions.Run(args, "PPO iteration", options =>
{
    var limits = MachineLimits.Measure();
    var table = new MarkdownTable("configuration", "system", "sample s", "log-probs s", "optimise s", "all s", "limit s", "rlhf takes");
    foreach (var config in options.Configurations)
    {
        Compare(config, options, limits, table);
    }

    Console.WriteLine($"{Batch} prompts of {PromptTokens} tokens, {NewTokens} sampled tokens each, {Epochs} epochs in mini-batches of {Batch / Minibatches}; rewards by a function.");
    if (!options.Full)
    {
        Console.WriteLine($"One epoch was run, and its time taken {Epochs} times (--full: {Epochs} epochs).");
    }

    Console.WriteLine("The limit has the output matrix on response tokens only, one pass for log-probabilities (the reference's), and a critic on the policy's trunk.\n");
    table.Print();
});

void Compare(string config, BenchOptions options, MachineLimits limits, MarkdownTable table)
{
    // An iteration of gpt2 takes most of a minute: two of each system without a warm-up, where nothing else is asked for.
    var isLong = config == "gpt2" && !options.Full;
    var (repetitions, warmups) = isLong ? (Math.Min(2, options.Repetitions), 0) : (options.Repetitions, 1);
    var epochs = options.Full ? Epochs : 1;
    var rounds = new Rounds();
    var children = options.Baselines.Select(environment => (environment.Name, Child: BenchChild.StartPython("ppo.py", environment))).Where(c => c.Child is not null).ToArray();
    var theirs = children
        .SelectMany(child => precisions.Select(precision => new Variant(
            $"PyTorch, TRL's way, {Weights(precision)}{child.Name}",
            () => child.Child!.Request(new JsonObject
            {
                ["task"] = "iterate", ["config"] = config, ["dtype"] = precision, ["batch"] = Batch, ["prompt_tokens"] = PromptTokens,
                ["new_tokens"] = NewTokens, ["epochs"] = epochs, ["minibatch"] = Batch / Minibatches,
            }))))
        .ToArray();

    // The trainer owns its loop, so the baseline has its turns between two of its updates.
    foreach (var precision in precisions)
    {
        Train(config, precision, epochs, repetitions + warmups, (update, seconds) =>
        {
            if (update > warmups)
            {
                rounds.Add($"rlhf {precision}", Scaled(seconds, Epochs / epochs));
            }

            foreach (var variant in theirs.Where(variant => variant.Name.Contains(precision, StringComparison.Ordinal)))
            {
                var reply = variant.Run();
                if (update > warmups)
                {
                    rounds.Add(variant.Name, Scaled(reply, Epochs / epochs));
                }
            }
        });
    }

    foreach (var name in precisions.Select(precision => $"rlhf {precision}").Concat(theirs.Select(variant => variant.Name)))
    {
        var bf16 = name.Contains("bf16", StringComparison.Ordinal);
        var ours = bf16 ? "rlhf bf16" : "rlhf fp32";
        table.Add(
            [config, name, .. phases.Select(phase => (object)rounds.Median(name, phase)), Limit(config, bf16 ? limits.Bf16Flops : limits.Fp32Flops, limits, bf16 ? 2 : 4),
            name == ours ? "" : MarkdownTable.Factor(1 / rounds.Speedup(ours, name))]);
    }

    Array.ForEach(children, child => child.Child!.Dispose());
}

static void Train(string config, string precision, int epochs, int updates, Action<int, IReadOnlyDictionary<string, double>> onUpdate)
{
    using var policy = BenchModels.Create(config);
    using var critic = ScalarHeadModel.FromCausal(policy, new Philox(2));
    var settings = new PpoConfig
    {
        Updates = updates,
        BatchSize = Batch,
        Epochs = epochs,
        MinibatchCount = Minibatches,
        MaxNewTokens = NewTokens,
        Bf16 = precision == "bf16",
    };
    var prompts = Enumerable.Range(0, Batch * updates).Select(i => BenchModels.Tokens(policy.Config, PromptTokens, (ulong)i)).ToArray();
    using var trainer = new PpoTrainer(settings, policy, critic, prompts, (_, responses) => [.. responses.Select(ids => (float)ids.Average(id => id % 2))]);
    trainer.Train(progress: report =>
    {
        var metrics = report.Metrics;
        var seconds = new Dictionary<string, double>
        {
            ["sample"] = metrics[MetricNames.RolloutSeconds],
            ["log-probs"] = metrics[MetricNames.ScoreSeconds],
            ["optimise"] = metrics[MetricNames.LearnSeconds],
        };
        seconds[Variant.All] = seconds.Values.Sum();
        onUpdate(report.Step, seconds);
    });
}

static string Weights(string precision) => precision == "bf16" ? "bf16 weights" : precision;

static Dictionary<string, double> Scaled(IReadOnlyDictionary<string, double> seconds, int times)
{
    var scaled = new Dictionary<string, double>
    {
        ["sample"] = seconds["sample"],
        ["log-probs"] = seconds["log-probs"],
        ["optimise"] = times * seconds["optimise"],
    };
    scaled[Variant.All] = scaled.Values.Sum();
    return scaled;
}

// 2 operations a token and parameter forward, 4 backward; the output matrix has response tokens only; sampling as many steps as new tokens,
// each bound by the weights' way from memory or by its products; AdamW reads three and writes three numbers a parameter, 4 bytes each, and
// reads the gradient.
static double Limit(string config, double flops, MachineLimits limits, int bytesPerWeight)
{
    var shape = BenchModels.Config(config);
    var output = (double)shape.VocabSize * shape.HiddenSize;
    var body = 12.0 * shape.NumHiddenLayers * shape.HiddenSize * shape.HiddenSize;
    var pass = Batch * (((PromptTokens + NewTokens) * body) + (NewTokens * output));
    var step = Math.Max((body + output) * bytesPerWeight / limits.BytesPerSecond, 2 * Batch * (body + output) / flops);
    var sample = (2.0 * Batch * PromptTokens * body / flops) + (NewTokens * step);
    var adamW = Epochs * Minibatches * (body + output) * 7 * 4 / limits.BytesPerSecond;
    return sample + (2 * pass / flops) + (Epochs * 6 * pass / flops) + adamW;
}
