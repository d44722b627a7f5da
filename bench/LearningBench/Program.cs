using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Rlhf.Bench;
using Rlhf.Bench.Learning;
using Rlhf.Bench.Learning.Tasks;

ILearningTask[] tasks = [new RandomWalks(), new DigitCompletion()];
var method = new Option<string>("--method") { Description = "The method, or all.", DefaultValueFactory = _ => "all" };
method.AcceptOnlyFromAmong([.. LearningRun.Methods, "all"]);
var task = new Option<string>("--task") { Description = "The task.", DefaultValueFactory = _ => tasks[0].Name };
task.AcceptOnlyFromAmong([.. tasks.Select(t => t.Name)]);
var seeds = new Option<int>("--seeds") { Description = "Runs of each method, with seeds from 1.", DefaultValueFactory = _ => 5 };
var output = new Option<string?>("--output") { Description = "A directory for METHOD-TASK.svg and METHOD-TASK.json." };
var root = new RootCommand("Does it learn? Trains each method on a small task with several seeds.") { method, task, seeds, output };
root.SetAction(parse =>
{
    var chosen = tasks.Single(t => t.Name == parse.GetValue(task));
    var baseline = chosen.Baseline();
    Console.WriteLine($"## Learning {chosen.Name}: {chosen.Metric}\n\n{Machine.Describe()}\n");
    var table = new MarkdownTable("method", "random", "start", "end: mean", "worst", "best", "threshold", "s a seed");
    var learned = true;
    foreach (var name in parse.GetValue(method) is "all" or null ? LearningRun.Methods : [parse.GetValue(method)!])
    {
        var watch = Stopwatch.StartNew();
        var curves = Enumerable.Range(1, parse.GetValue(seeds)).Select(seed => new LearningRun(chosen, LearningSize.Full, (ulong)seed).Train(name).ToArray()).ToArray();
        var seconds = watch.Elapsed.TotalSeconds / curves.Length;
        var ends = curves.Select(c => c[^1].Score).ToArray();
        var threshold = Thresholds.Of(chosen.Name, name);
        learned &= ends.Average() >= threshold;
        table.Add([name, Show(baseline), Show(curves.Average(c => c[0].Score)), Show(ends.Average()), Show(ends.Min()), Show(ends.Max()), Show(threshold), seconds]);
        Console.Error.WriteLine($"{name}: {string.Join(' ', curves[0].Select((_, i) => Show(curves.Average(c => c[i].Score))))}");
        if (parse.GetValue(output) is { } directory)
        {
            Directory.CreateDirectory(directory);
            var path = Path.Combine(directory, $"{name}-{chosen.Name}");
            var axis = name is "ppo" or "grpo" or "rloo" or "reinforce" ? "updates" : "steps";
            File.WriteAllText(path + ".svg", LearningChart.Svg($"{name}, {chosen.Name}: {chosen.Metric}, {curves.Length} seeds", axis, curves, baseline, threshold));
            File.WriteAllText(path + ".json", JsonSerializer.Serialize(new { method = name, task = chosen.Name, metric = chosen.Metric, baseline, threshold, curves }));
        }
    }

    table.Print();
    return learned ? 0 : 1;
});
return root.Parse(args).Invoke();

static string Show(double score) => score.ToString("F3", CultureInfo.InvariantCulture);
