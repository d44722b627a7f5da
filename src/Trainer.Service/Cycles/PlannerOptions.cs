using System.ComponentModel.DataAnnotations;

namespace Trainer.Service.Cycles;

/// <summary>Section "Planner": how the planner looks after projects that no message woke.</summary>
public sealed class PlannerOptions
{
    /// <summary>Name of the section.</summary>
    public const string Section = "Planner";

    /// <summary>How long a project must have stood still before the sweep acts on it; longer than a message usually takes.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00", ErrorMessage = "Planner:SweepAfter must lie between 1 second and 1 day.")]
    public TimeSpan SweepAfter { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>Time between two sweeps; the first is at the start of the process.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00", ErrorMessage = "Planner:SweepInterval must lie between 1 second and 1 day.")]
    public TimeSpan SweepInterval { get; set; } = TimeSpan.FromMinutes(1);
}
