using System.CommandLine;
using Rlhf.Cli.AllInOne;
using Spectre.Console;

namespace Rlhf.Cli.Commands;

/// <summary><c>rlhf cycle --annotator simulated</c>: whole cycles without a browser, and whether they made the policy better.</summary>
internal static class CycleCommand
{
    public static Command Create()
    {
        var annotator = new Option<string>("--annotator") { Description = "Who judges; \"simulated\" is a noisy Bradley–Terry choice on the task's checkable score.", Required = true };
        annotator.AcceptOnlyFromAmong("simulated");
        var seed = CommonOptions.Seed();
        var seeds = new Option<int>("--seeds") { Description = "How many seeds, counted up from --seed.", DefaultValueFactory = _ => 3 };
        var judgments = new Option<int>("--judgments") { Description = "Judgments collected before the reward model trains.", DefaultValueFactory = _ => CycleSettings.Default.Judgments };
        var updates = new Option<int>("--updates") { Description = "PPO updates.", DefaultValueFactory = _ => CycleSettings.Default.PpoUpdates };
        var heldOut = new Option<int>("--held-out-prompts") { Description = "Prompts nobody trains on, for the verdict.", DefaultValueFactory = _ => CycleSettings.Default.HeldOutPrompts };
        var model = CommonOptions.Model();
        var data = new Option<string?>("--data") { Description = "Keep database, runs and checkpoints here and go on from them; default: a temporary directory." };
        var json = CommonOptions.Json();
        var command = new Command("cycle", "Run an alignment cycle per seed and compare the new policy with the old one.")
        {
            annotator, seed, seeds, judgments, updates, heldOut, model, data, json,
        };
        command.SetAction((parse, stop) =>
        {
            var settings = new CycleSettings(parse.GetValue(judgments), parse.GetValue(updates), parse.GetValue(heldOut));
            UserFault.ThrowIfAny("cycle", settings.Validate(parse.GetValue(seeds)));
            return RunAsync(settings, parse.GetValue(seed), parse.GetValue(seeds), parse.GetRequiredValue(model), parse.GetValue(data), parse.GetValue(json), stop);
        });
        return command;
    }

    private static async Task<int> RunAsync(
        CycleSettings settings, ulong firstSeed, int seeds, string model, string? data, bool json, CancellationToken stop)
    {
        if (model == BaseModel.Directory)
        {
            BaseModel.RequireDirectory();
        }

        var directory = data ?? Directory.CreateTempSubdirectory("rlhf-cycle-").FullName;
        try
        {
            var results = new List<SeedResult>();
            await using (var system = await EmbeddedSystem.StartAsync(directory, "http://127.0.0.1:0", quiet: true, prepare: null, stop))
            {
                var experiment = ActivatorUtilities.CreateInstance<CycleExperiment>(system.Services, settings, model);
                var console = json ? AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) }) : AnsiConsole.Console;
                for (var i = 0; i < seeds; i++)
                {
                    var seed = firstSeed + (ulong)i;
                    await console.Progress()
                        .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn(), new ElapsedTimeColumn())
                        .StartAsync(async progress => results.Add(await experiment.RunAsync(seed, new CycleBars(progress, seed), stop)));
                }
            }

            var report = CycleReport.Of(results);
            if (json)
            {
                Console.WriteLine(report.ToJson());
            }
            else
            {
                AnsiConsole.Write(report.ToTable());
                Console.WriteLine(report.Reading);
            }

            return 0;
        }
        finally
        {
            if (data is null)
            {
                Directory.Delete(directory, recursive: true);
            }
        }
    }
}
