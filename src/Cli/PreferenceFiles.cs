using Labeling.Web.Features.Import;

namespace Rlhf.Cli;

/// <summary>Comparisons in files.</summary>
internal static class PreferenceFiles
{
    /// <summary>What the options that take such a file say about it.</summary>
    public const string Description = "JSONL rows with \"prompt\", \"chosen\" and \"rejected\", or HH-RLHF's \"chosen\" and \"rejected\"; .jsonl or .jsonl.gz.";

    /// <summary>The comparisons of a file, all or none.</summary>
    /// <exception cref="UserException">With every broken line.</exception>
    public static IReadOnlyList<PreferencePair> Read(string path) => HasPrompts(path)
        ? [.. OfflineTraining.Rows(path, "prompt", "chosen", "rejected").Select((r, i) => new PreferencePair(i + 1, r["prompt"], r["chosen"], r["rejected"]))]
        : HhRlhfReader.Read(path);

    // HH-RLHF keeps the dialogue in "chosen" and "rejected" and has no prompt of its own.
    private static bool HasPrompts(string path) =>
        !path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) && File.Exists(path)
            && File.ReadLines(path).FirstOrDefault(l => !string.IsNullOrWhiteSpace(l))?.Contains("\"prompt\"", StringComparison.Ordinal) == true;
}
