using System.ComponentModel.DataAnnotations;

namespace Rlhf.Hosting;

/// <summary>Section "Storage": where files are kept.</summary>
public sealed class StorageOptions
{
    /// <summary>Name of the section.</summary>
    public const string Section = "Storage";

    /// <summary>Holds the SQLite file and, unless set apart, the state of runs and the checkpoint store. Relative to the working directory.</summary>
    [Required(AllowEmptyStrings = false, ErrorMessage = "Storage:DataDirectory is empty; it must name a directory.")]
    public string DataDirectory { get; set; } = "data";

    /// <summary>The checkpoint store; "checkpoints" in the data directory by default. Several processes must see the same one.</summary>
    public string? CheckpointDirectory { get; set; }

    /// <summary>
    /// The state a run goes on from after an interruption; "runs" in the data directory by default. Where several machines execute runs,
    /// it must lie on storage they share: a run's next worker may be on any of them.
    /// </summary>
    public string? StateDirectory { get; set; }

    /// <summary>
    /// Bytes that stay free on the volumes of states and checkpoints: a run that would use them waits instead, and with less free the process
    /// calls itself not ready.
    /// </summary>
    [Range(typeof(long), "0", "1125899906842624", ErrorMessage = "Storage:MinimumFreeBytes must lie between 0 and 1125899906842624 (1 PiB).")]
    public long MinimumFreeBytes { get; set; } = 512L << 20;

    /// <summary>Full path of the data directory.</summary>
    public string DataPath => FullPath(DataDirectory);

    /// <summary>Full path of the checkpoint store.</summary>
    public string CheckpointPath => FullPath(CheckpointDirectory ?? Path.Combine(DataDirectory, "checkpoints"));

    /// <summary>Full path of the directory of all runs' states.</summary>
    public string StatePath => FullPath(StateDirectory ?? Path.Combine(DataDirectory, "runs"));

    /// <summary>Full path of the directory that keeps the state of a run between attempts.</summary>
    /// <param name="runId">The run.</param>
    public string RunPath(Guid runId) => Path.Combine(StatePath, runId.ToString());

    // The binder reads every property before the rules are checked, so an empty path must pass here.
    private static string FullPath(string path) => path.Length == 0 ? "" : Path.GetFullPath(path);
}
