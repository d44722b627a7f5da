using System.CommandLine;
using Labeling.Web.Features.Import;
using Microsoft.EntityFrameworkCore;
using Rlhf.Cli.AllInOne;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Data.Entities;
using Rlhf.Datasets;
using Rlhf.Numerics;
using Rlhf.Training.Metrics;
using Spectre.Console;

namespace Rlhf.Cli.Commands;

/// <summary><c>rlhf import</c>: comparisons that people made elsewhere become a project; on request a reward model learns from them.</summary>
internal static class ImportCommand
{
    public static Command Create()
    {
        var file = new Argument<string>("file") { Description = "Preferences or rankings in any known format (docs/guides/data-formats.md): .json, .jsonl, .csv, each with .gz or without." };
        var data = CommonOptions.Data();
        var project = new Option<string?>("--project") { Description = "The name of the project to create; default: the file's name." };
        var dataset = new DatasetOptions("");
        var train = new Option<bool>("--train-reward-model") { Description = "Train a reward model on the training part and report its accuracy on the rest." };
        var model = CommonOptions.Model();
        var seed = CommonOptions.Seed();
        var command = new Command("import", "Import comparisons, all or nothing.") { file, data, project, train, model, seed };
        dataset.AddTo(command, withDataset: false);
        command.SetAction(async (parse, stop) =>
        {
            var path = parse.GetRequiredValue(file);
            var (training, heldOut) = dataset.Read(parse, path, parse.GetValue(seed), DatasetType.Preference);
            var name = parse.GetValue(project) ?? Path.GetFileName(path).Split('.')[0];
            return await RunAsync(
                training, heldOut, name, parse.GetRequiredValue(data), parse.GetValue(train), parse.GetRequiredValue(model), (long)parse.GetValue(seed), stop);
        });
        return command;
    }

    private static async Task<int> RunAsync(
        IReadOnlyList<DatasetRow> training, IReadOnlyList<DatasetRow> heldOut, string name, string data, bool train, string model, long seed, CancellationToken stop)
    {
        var project = new Project
        {
            Name = name,
            Slug = Slug(name),
            AutoCycle = false,
            Seed = seed,
            RewardConfigJson = """{"epochs": 1, "batch_size": 16, "learning_rate": 0.0003, "evaluate_every": 25}""",
        };
        await using var system = await EmbeddedSystem.StartAsync(data, "http://127.0.0.1:0", quiet: true, prepare: null, stop);
        await system.Services.GetRequiredService<PreferenceImporter>().ImportAsync(training, heldOut, project, stop);
        Console.WriteLine($"imported {training.Count + heldOut.Count} comparisons into \"{name}\": {training.Count} for training, {heldOut.Count} held out");
        if (train)
        {
            var runId = await system.Services.GetRequiredService<ProjectSeeder>().TrainRewardModelAsync(project.Id, model, stop);
            await ReportAsync(system.Services.GetRequiredService<IDbContextFactory<AppDbContext>>(), runId, stop);
        }

        return 0;
    }

    private static async Task ReportAsync(IDbContextFactory<AppDbContext> contexts, Guid runId, CancellationToken stop)
    {
        Run? run = null;
        await AnsiConsole.Progress().StartAsync(async progress =>
        {
            var bar = progress.AddTask("reward model");
            while (run is not { Status: RunStatuses.Completed or RunStatuses.Failed or RunStatuses.Cancelled })
            {
                await Task.Delay(TimeSpan.FromMilliseconds(250), stop);
                await using var db = await contexts.CreateDbContextAsync(stop);
                run = await db.Runs.AsNoTracking().SingleOrDefaultAsync(r => r.Id == runId, stop);
                bar.MaxValue = Math.Max(1, run?.TotalSteps ?? 1);
                bar.Value = run?.Step ?? 0;
            }
        });
        if (run!.Status != RunStatuses.Completed)
        {
            throw new UserException($"the reward-model run {run.Status} at step {run.Step}: {run.Error}");
        }

        await using var context = await contexts.CreateDbContextAsync(stop);
        var metrics = await context.Metrics.Where(m => m.RunId == runId).GroupBy(m => m.Name)
            .Select(g => g.OrderByDescending(m => m.Step).First()).ToDictionaryAsync(m => m.Name, m => m.Value, stop);
        var accuracy = metrics[MetricNames.RewardEvaluationAccuracy];
        var decided = metrics[MetricNames.RewardEvaluationDecided];
        var table = new Table().RoundedBorder().AddColumn("held-out comparisons").AddColumn(new TableColumn($"accuracy on {decided:F0} (95 %)").RightAligned());
        table.AddRow("reward model", Show(accuracy, decided));
        table.AddRow("majority baseline", Show(metrics[MetricNames.RewardMajorityBaseline], decided));
        table.AddRow("longer answer", Show(metrics[MetricNames.RewardLengthBaseline], decided));
        AnsiConsole.Write(table);
    }

    private static string Show(double accuracy, double trials)
    {
        var interval = Statistics.Wilson(Math.Round(accuracy * trials * 2) / 2, trials);
        return FormattableString.Invariant($"{interval.Value:P1} ({interval.Low:P1}–{interval.High:P1})");
    }

    private static string Slug(string name)
    {
        var slug = string.Concat(name.ToLowerInvariant().Select(c => char.IsAsciiLetterOrDigit(c) ? c : '-')).Trim('-');
        return slug.Length > 0 ? slug : throw new UserException($"--project \"{name}\" has no letter or digit to make an address from.");
    }
}
