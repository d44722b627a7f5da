using Microsoft.AspNetCore.Components;
using Rlhf.Contracts.Training;
using Rlhf.Data.Entities;

namespace Labeling.Web.Components.Controls;

/// <summary>The status of a run or cycle in colour; the word carries the meaning.</summary>
public sealed partial class StatusBadge
{
    [Parameter, EditorRequired]
    public required string Status { get; set; }

    private string Tone => Status switch
    {
        RunStatuses.Running or CycleStatuses.RewardModel or CycleStatuses.Ppo or CycleStatuses.Sampling => "running",
        RunStatuses.Queued or CycleStatuses.Halted or "waiting" or "paused" => "waiting",
        RunStatuses.Completed or "current" => "completed",
        RunStatuses.Failed => "failed",
        _ => "",
    };
}
