using System.Globalization;
using Rlhf.Training.Metrics;
using Spectre.Console;

namespace Rlhf.Cli.Training;

/// <summary>Shows a run on a terminal as a bar with its metrics, and as plain lines where the output goes elsewhere.</summary>
internal static class TrainingDisplay
{
    /// <summary>Runs a trainer and shows what it reports.</summary>
    /// <param name="name">What the run is called.</param>
    /// <param name="train">The run; calls back with every report.</param>
    public static void Show(string name, Action<Action<TrainingProgress>> train)
    {
        var meter = new TrainingMeter(TimeProvider.System);
        TrainingProgress? last = null;
        if (Console.IsOutputRedirected)
        {
            train(progress =>
            {
                last = progress;
                Console.WriteLine($"{name}  {meter.Describe(progress)}");
            });
        }
        else
        {
            AnsiConsole.Progress()
                .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn(), new ElapsedTimeColumn())
                .Start(bars =>
                {
                    var bar = bars.AddTask(name);
                    train(progress =>
                    {
                        last = progress;
                        bar.Description = Markup.Escape($"{name}  {meter.Describe(progress)}");
                        (bar.MaxValue, bar.Value) = (progress.TotalSteps, progress.Step);
                    });
                });
        }

        if (last is not null)
        {
            var table = new Table().RoundedBorder().AddColumn("metric").AddColumn(new TableColumn("last").RightAligned());
            foreach (var (metric, value) in last.Metrics.OrderBy(m => m.Key, StringComparer.Ordinal))
            {
                table.AddRow(metric, value.ToString("G5", CultureInfo.InvariantCulture));
            }

            AnsiConsole.Write(table);
        }
    }
}
