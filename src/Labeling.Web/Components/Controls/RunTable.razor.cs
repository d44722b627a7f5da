using Labeling.Web.Features.Runs;
using Microsoft.AspNetCore.Components;
using Rlhf.Data.Entities;

namespace Labeling.Web.Components.Controls;

/// <summary>A list of runs.</summary>
public sealed partial class RunTable
{
    [Parameter, EditorRequired]
    public required IReadOnlyList<RunRow> Runs { get; set; }

    private static string Duration(Run run) => (run.FinishedAt - run.StartedAt) is { } duration
        ? duration.TotalHours >= 1 ? $"{(int)duration.TotalHours} h {duration.Minutes} min"
        : duration.TotalMinutes >= 1 ? $"{duration.Minutes} min {duration.Seconds} s"
        : $"{duration.TotalSeconds:0.0} s"
        : "–";
}
