using System.ComponentModel.DataAnnotations;

namespace Rlhf.Hosting;

/// <summary>Section "Storage": where files are kept.</summary>
public sealed class StorageOptions
{
    /// <summary>Name of the section.</summary>
    public const string Section = "Storage";

    /// <summary>Holds the SQLite file, the state of runs and (unless set apart) the checkpoint store. Relative to the working directory.</summary>
    [Required(AllowEmptyStrings = false, ErrorMessage = "Storage:DataDirectory is empty; it must name a directory.")]
    public string DataDirectory { get; set; } = "data";

    /// <summary>The checkpoint store; "checkpoints" in the data directory by default. Several processes must see the same one.</summary>
    public string? CheckpointDirectory { get; set; }

    /// <summary>Free space on the store's disk, in MiB, below which the process calls itself not ready.</summary>
    [Range(0, 1024 * 1024, ErrorMessage = "Storage:MinimumFreeMebibytes must lie between 0 and 1048576.")]
    public int MinimumFreeMebibytes { get; set; } = 512;

    /// <summary>Full path of the data directory.</summary>
    public string DataPath => FullPath(DataDirectory);

    /// <summary>Full path of the checkpoint store.</summary>
    public string CheckpointPath => FullPath(CheckpointDirectory ?? Path.Combine(DataDirectory, "checkpoints"));

    /// <summary>Full path of the directory that keeps the state of a run between attempts.</summary>
    /// <param name="runId">The run.</param>
    public string RunPath(Guid runId) => Path.Combine(DataPath, "runs", runId.ToString());

    // The binder reads every property before the rules are checked, so an empty path must pass here.
    private static string FullPath(string path) => path.Length == 0 ? "" : Path.GetFullPath(path);
}
