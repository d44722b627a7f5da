using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace Rlhf.Training.Runs;

/// <summary>Section "Runs": how this process claims and executes runs.</summary>
public sealed class RunOptions
{
    /// <summary>Name of the section.</summary>
    public const string Section = "Runs";

    /// <summary>How long a claim lasts without a heartbeat: the time after which a dead worker's run goes to another.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "01:00:00", ErrorMessage = "Runs:LeaseDuration must lie between 100 ms and 1 hour.")]
    public TimeSpan LeaseDuration { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>How often a worker renews its lease; less than half of the lease.</summary>
    [Range(typeof(TimeSpan), "00:00:00.010", "00:30:00", ErrorMessage = "Runs:HeartbeatInterval must lie between 10 ms and 30 minutes.")]
    public TimeSpan HeartbeatInterval { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How often an idle worker looks for runs.</summary>
    [Range(typeof(TimeSpan), "00:00:00.010", "00:10:00", ErrorMessage = "Runs:PollInterval must lie between 10 ms and 10 minutes.")]
    public TimeSpan PollInterval { get; set; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Least time between two progress messages of a run.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:10:00", ErrorMessage = "Runs:ProgressInterval must lie between 0 and 10 minutes.")]
    public TimeSpan ProgressInterval { get; set; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Workers that may die on a run before it fails.</summary>
    [Range(1, 100, ErrorMessage = "Runs:MaxAttempts must lie between 1 and 100.")]
    public int MaxAttempts { get; set; } = 3;

    /// <summary>
    /// At its start, take over the runs of every other owner at once rather than when their leases run out. Only for a process that holds the lock
    /// on the data directory of a database no other process executes runs of.
    /// </summary>
    public bool TakeOverAtStart { get; set; }

    internal sealed class Validator : IValidateOptions<RunOptions>
    {
        public ValidateOptionsResult Validate(string? name, RunOptions options) =>
            options.HeartbeatInterval > options.LeaseDuration / 2
                ? ValidateOptionsResult.Fail($"Runs:HeartbeatInterval is {options.HeartbeatInterval}; it must be at most half of Runs:LeaseDuration ({options.LeaseDuration}).")
                : ValidateOptionsResult.Success;
    }
}
