using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Rlhf.Bench;
using Rlhf.Bench.Learning;
using Rlhf.Bench.Learning.Tasks;
using Rlhf.Torch.Extensions.Kernels;
using TorchSharp;

// Models this small lose more by several threads than they gain.
torch.set_num_threads(1);
if (CpuKernels.IsAvailable)
{
    CpuKernels.SetThreads(1);
}

const string All = "all";
ILearningTask[] tasks = [new RandomWalks(), new DigitCompletion(), new OppositeSentences()];
var method = new Option<string>("--method") { Description = "The method, or all.", DefaultValueFactory = _ => All };
method.AcceptOnlyFromAmong([.. LearningRun.Methods.Keys, All]);
var task = new Option<string>("--task") { Description = "The task, or all.", DefaultValueFactory = _ => All };
task.AcceptOnlyFromAmong([.. tasks.Select(t => t.Name), All]);
var seeds = new Option<int>("--seeds") { Description = "Runs of each method, with seeds from 1.", DefaultValueFactory = _ => 5 };
var output = new Option<string?>("--output") { Description = "A directory for METHOD-TASK.svg and METHOD-TASK.json." };
var root = new RootCommand("Does it learn? Trains each method on small tasks with several seeds; exit code 1 where one stays below its threshold.") { method, task, seeds, output };
root.SetAction(parse =>
{
    Console.WriteLine($"## Learning\n\n{Machine.Describe()}\n");
    var table = new MarkdownTable("task", "method", "random", "start", "end: mean", "worst", "best", "threshold", "s a seed");
    var learned = true;
    foreach (var chosen in tasks.Where(t => parse.GetValue(task) is All or null || t.Name == parse.GetValue(task)))
    {
        var random = chosen.Baseline();
        foreach (var name in LearningRun.Methods.Keys.Where(m => parse.GetValue(method) is All or null || m == parse.GetValue(method)))
        {
            var watch = Stopwatch.StartNew();
            var curves = Enumerable.Range(1, parse.GetValue(seeds)).Select(seed => new LearningRun(chosen, LearningSize.Of(chosen), (ulong)seed).Train(name).ToArray()).ToArray();
            var seconds = watch.Elapsed.TotalSeconds / curves.Length;
            var (baseline, metric) = name == "reward" ? (0.5, "accuracy on held-out pairs") : (random, chosen.Metric);
            var ends = curves.Select(c => c[^1].Score).ToArray();
            var threshold = Thresholds.Of(chosen.Name, name);
            learned &= ends.Average() >= threshold;
            table.Add([
                chosen.Name, name, Show(baseline), Show(curves.Average(c => c[0].Score)), Show(ends.Average()), Show(ends.Min()), Show(ends.Max()),
                Show(threshold) + (ends.Average() >= threshold ? "" : " missed"), seconds,
            ]);
            Console.Error.WriteLine($"{chosen.Name} {name}: {string.Join(' ', curves[0].Select((_, i) => Show(curves.Average(c => c[i].Score))))}");
            if (parse.GetValue(output) is { } directory)
            {
                Directory.CreateDirectory(directory);
                var path = Path.Combine(directory, $"{name}-{chosen.Name}");
                File.WriteAllText(path + ".svg", LearningChart.Svg($"{name}, {chosen.Name}: {metric}, {curves.Length} seeds", LearningRun.Methods[name], curves, baseline, threshold));
                File.WriteAllText(path + ".json", JsonSerializer.Serialize(new { method = name, task = chosen.Name, metric, baseline, threshold, curves }));
            }
        }
    }

    table.Print();
    return learned ? 0 : 1;
});
return root.Parse(args).Invoke();

static string Show(double score) => score.ToString("F3", CultureInfo.InvariantCulture);
