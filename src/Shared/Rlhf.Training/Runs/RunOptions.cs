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

    /// <summary>
    /// Name of the device this process computes on, unique in the team: no two runs run on one device, whatever process they are in. By default
    /// "MACHINE/cpu"; give it a value of its own where several processes of a machine have devices of their own.
    /// </summary>
    [StringLength(200, MinimumLength = 1, ErrorMessage = "Runs:Device must have 1 to 200 characters.")]
    public string? Device { get; set; }

    /// <summary>Wait before a run is tried again after a first failure that may pass by itself (disk full, database or shared volume away, no device memory); it doubles with each.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "1.00:00:00", ErrorMessage = "Runs:RetryDelay must lie between 0 and 1 day.")]
    public TimeSpan RetryDelay { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Longest wait before a run is tried again; at least <see cref="RetryDelay"/>.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "7.00:00:00", ErrorMessage = "Runs:MaxRetryDelay must lie between 0 and 7 days.")]
    public TimeSpan MaxRetryDelay { get; set; } = TimeSpan.FromMinutes(30);

    /// <summary>Such failures in a row, without a new step between them, after which a run fails. 1: none is tried again.</summary>
    [Range(1, 1000, ErrorMessage = "Runs:MaxFailures must lie between 1 and 1000.")]
    public int MaxFailures { get; set; } = 6;

    /// <summary>How long a stopping process waits for the step its run is in. After that the run is given back all the same and goes on from its last state.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "1.00:00:00", ErrorMessage = "Runs:ShutdownTimeout must lie between 0 and 1 day.")]
    public TimeSpan ShutdownTimeout { get; set; } = TimeSpan.FromSeconds(30);

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
        public ValidateOptionsResult Validate(string? name, RunOptions options)
        {
            List<string> faults = [];
            if (options.HeartbeatInterval > options.LeaseDuration / 2)
            {
                faults.Add($"Runs:HeartbeatInterval is {options.HeartbeatInterval}; it must be at most half of Runs:LeaseDuration ({options.LeaseDuration}).");
            }

            if (options.MaxRetryDelay < options.RetryDelay)
            {
                faults.Add($"Runs:MaxRetryDelay is {options.MaxRetryDelay}; it must be at least Runs:RetryDelay ({options.RetryDelay}).");
            }

            return faults.Count > 0 ? ValidateOptionsResult.Fail(faults) : ValidateOptionsResult.Success;
        }
    }
}
