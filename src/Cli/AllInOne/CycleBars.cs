using Spectre.Console;

namespace Rlhf.Cli.AllInOne;

/// <summary>One progress bar for each stage of a cycle.</summary>
internal sealed class CycleBars(ProgressContext progress, ulong seed)
{
    private readonly Dictionary<string, ProgressTask> _bars = [];

    /// <summary>Moves the bar of a stage, drawing it when the stage first reports.</summary>
    public void Set(string stage, double done, double total, string? detail = null)
    {
        if (!_bars.TryGetValue(stage, out var bar))
        {
            bar = progress.AddTask(stage);
            _bars.Add(stage, bar);
        }

        bar.Description = $"seed {seed}  {stage.PadRight(22)}{(detail is null ? "" : $" [grey]{Markup.Escape(detail)}[/]")}";
        bar.MaxValue = Math.Max(1, total);
        bar.Value = done;
    }
}
