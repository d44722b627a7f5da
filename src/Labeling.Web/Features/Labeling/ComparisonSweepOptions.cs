using System.ComponentModel.DataAnnotations;

namespace Labeling.Web.Features.Labeling;

/// <summary>Section "Labeling": how the site looks after answers that no message told it about.</summary>
public sealed class ComparisonSweepOptions
{
    /// <summary>Name of the section.</summary>
    public const string Section = "Labeling";

    /// <summary>How long a sampling run must have ended before the sweep makes its comparisons; longer than a message usually takes.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00", ErrorMessage = "Labeling:SweepAfter must lie between 1 second and 1 day.")]
    public TimeSpan SweepAfter { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>Time between two sweeps; the first is at the start of the process.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00", ErrorMessage = "Labeling:SweepInterval must lie between 1 second and 1 day.")]
    public TimeSpan SweepInterval { get; set; } = TimeSpan.FromMinutes(1);
}
