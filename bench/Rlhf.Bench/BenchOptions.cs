using System.CommandLine;

namespace Rlhf.Bench;

/// <summary>What every program takes on its command line.</summary>
/// <param name="Quick">Only the small configuration, two repetitions: does it work, and roughly how fast.</param>
/// <param name="Full">The whole protocol of every row; minutes longer.</param>
/// <param name="Profile">Parts of the time of our own side besides.</param>
/// <param name="Repetitions">Rounds; each runs every variant once.</param>
/// <param name="Configurations">Names of <see cref="BenchModels"/>.</param>
/// <param name="Baselines">Environments the Python baselines run in; empty: none.</param>
public sealed record BenchOptions(
    bool Quick, bool Full, bool Profile, int Repetitions, IReadOnlyList<string> Configurations, IReadOnlyList<BaselineEnvironment> Baselines)
{
    /// <summary>Parses the command line, prints machine and load around the bench, and runs it.</summary>
    /// <param name="args">The program's arguments.</param>
    /// <param name="title">The heading of its output.</param>
    /// <param name="bench">The bench.</param>
    /// <returns>The exit code.</returns>
    public static int Run(string[] args, string title, Action<BenchOptions> bench)
    {
        var quick = new Option<bool>("--quick") { Description = "The small configuration alone, two repetitions: under a minute." };
        var full = new Option<bool>("--full") { Description = "The whole protocol, nothing shortened." };
        var profile = new Option<bool>("--profile") { Description = "Also where our time goes." };
        var repetitions = new Option<int?>("--repetitions") { Description = "Rounds; each runs every variant once. Default 5." };
        var config = new Option<string>("--config") { Description = "gpt2, small or all.", DefaultValueFactory = _ => "all" };
        config.AcceptOnlyFromAmong(["all", .. BenchModels.Names]);
        var baseline = new Option<string>("--baseline") { Description = "Environment of the Python baselines.", DefaultValueFactory = _ => "plain" };
        baseline.AcceptOnlyFromAmong("plain", "tuned", "both", "none");
        var command = new RootCommand(title) { quick, full, profile, repetitions, config, baseline };
        command.SetAction(parse =>
        {
            var isQuick = parse.GetValue(quick);
            var options = new BenchOptions(
                isQuick,
                parse.GetValue(full),
                parse.GetValue(profile),
                parse.GetValue(repetitions) ?? (isQuick ? 2 : 5),
                parse.GetValue(config) switch { "all" => isQuick ? ["small"] : BenchModels.Names, var name => [name!] },
                parse.GetValue(baseline) switch
                {
                    "none" => [],
                    "both" => [BaselineEnvironment.Plain, BaselineEnvironment.Tuned],
                    "tuned" => [BaselineEnvironment.Tuned],
                    _ => [BaselineEnvironment.Plain],
                });
            var load = new Load();
            Console.WriteLine($"## {title}\n\n{Machine.Describe()}\n");
            bench(options);
            Console.WriteLine($"\n{load.Describe()}");
        });
        return command.Parse(args).Invoke();
    }
}
