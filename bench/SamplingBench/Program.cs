using System.Text.Json.Nodes;
using Rlhf.Bench;
using SamplingBench;

const int PromptTokens = 64;
string[] precisions = ["fp32", "bf16", "8-bit"];

return BenchOptions.Run(args, "Sampling", options =>
{
    var limits = MachineLimits.Measure();
    var llama = LlamaCpp.Find();
    var table = new MarkdownTable(
        "configuration", "batch", "system", "prefill tokens/s", "decode tokens/s", "best", "share of limit", "rlhf is faster by: prefill", "decode");
    var parts = new MarkdownTable("configuration", "batch", "system", "step ms", "model ms", "sampling ms", "rest ms", "decoder made in ms");
    foreach (var config in options.Configurations)
    {
        Compare(config, options, limits, llama, table, parts);
    }

    Console.WriteLine($"Prompts of {PromptTokens} tokens, greedy, no end-of-text; {Describe(options)}");
    Console.WriteLine("The limit is the lower one of memory bandwidth ÷ bytes of weights × batch and of GEMM peak ÷ 2N (none measured for 8-bit products).\n");
    table.Print();
    if (options.Profile)
    {
        Console.WriteLine("A decode step of ours: the native program of the model, the sampler (measured by itself), everything else.\n");
        parts.Print();
    }
});

void Compare(string config, BenchOptions options, MachineLimits limits, LlamaCpp? llama, MarkdownTable table, MarkdownTable parts)
{
    var models = precisions.Select(precision => new SampledModel(config, precision)).ToArray();
    var baselines = options.Baselines
        .Select(environment => (environment.Name, Child: BenchChild.StartPython("sampling.py", environment)))
        .Where(baseline => baseline.Child is not null)
        .ToArray();
    foreach (var batch in options.Quick ? (int[])[1, 16] : [1, 16, 32])
    {
        var newTokens = NewTokens(batch, options);
        var variants = models.Select(model => new Variant($"rlhf {model.Precision}", () => model.Run(batch, PromptTokens, newTokens))).ToList();
        foreach (var (name, child) in baselines)
        {
            variants.AddRange(((string[])["fp32", "bf16"]).Select(precision => new Variant(
                $"PyTorch {precision}{name}",
                () => child!.Request(new JsonObject
                {
                    ["task"] = "sample", ["config"] = config, ["dtype"] = precision, ["batch"] = batch, ["prompt_tokens"] = PromptTokens, ["new_tokens"] = newTokens,
                }))));
        }

        foreach (var precision in precisions)
        {
            if (llama?.File(config, precision) is { } file)
            {
                variants.Add(new Variant($"llama.cpp {precision}", () => llama.Run(file, batch, PromptTokens, newTokens)));
            }
        }

        var rounds = Rounds.Run(options.Repetitions, variants);
        foreach (var variant in variants)
        {
            var precision = precisions.First(name => variant.Name.Contains(name, StringComparison.Ordinal));
            var (ours, model) = ($"rlhf {precision}", models.First(model => model.Precision == precision));
            var tokens = batch * (newTokens - 1.0);
            table.Add(
                config, batch, variant.Name, batch * PromptTokens / rounds.Median(variant.Name, "prefill"), tokens / rounds.Median(variant.Name, "decode"),
                tokens / rounds.Best(variant.Name, "decode"),
                MarkdownTable.Share(tokens / rounds.Median(variant.Name, "decode") / Limit(model, batch, limits)),
                variant.Name == ours ? "" : MarkdownTable.Factor(rounds.Speedup(ours, variant.Name, "prefill")),
                variant.Name == ours ? "" : MarkdownTable.Factor(rounds.Speedup(ours, variant.Name, "decode")));
        }

        foreach (var model in models)
        {
            var name = $"rlhf {model.Precision}";
            var steps = rounds.Median(name, "steps");
            var sampling = 1e3 * batch * model.SamplingSeconds(draws: 50);
            var outside = 1e3 * rounds.Median(name, "outside") / steps;
            parts.Add(
                config, batch, name, 1e3 * rounds.Median(name, "decode") / steps, 1e3 * rounds.Median(name, "step") / steps, sampling, outside - sampling,
                1e3 * rounds.Median(name, "create"));
        }
    }

    Array.ForEach(models, model => model.Dispose());
    Array.ForEach(baselines, baseline => baseline.Child!.Dispose());
}

static double Limit(SampledModel model, int batch, MachineLimits limits)
{
    var memory = batch * limits.BytesPerSecond / (model.ActiveParameters * model.BytesPerParameter);
    var products = model.Precision switch
    {
        "fp32" => limits.Fp32Flops,
        "bf16" => limits.Bf16Flops,
        _ => double.PositiveInfinity,
    } / (2.0 * model.ActiveParameters);
    return model.Precision == "8-bit" && batch > 1 ? double.NaN : Math.Min(memory, products);
}

static int NewTokens(int batch, BenchOptions options) => batch == 1 || options.Full ? 64 : 16;

static string Describe(BenchOptions options) => options.Full ? "64 new tokens." : "64 new tokens at batch 1, 16 at the others (--full: 64).";
