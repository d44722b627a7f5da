namespace Rlhf.Training.Publishing;

/// <summary>
/// The hashes of a checkpoint's files, beside its directory as <c>NAME.sha256</c>, in the format of <c>sha256sum</c>: a damaged checkpoint can name the
/// file, by this program or by <c>cd NAME &amp;&amp; sha256sum -c ../NAME.sha256</c>. Not inside, so that the directory stays what a Hugging Face tool wrote and reads.
/// </summary>
internal static class CheckpointManifest
{
    private const string Separator = "  ";

    /// <summary>Where the manifest of a checkpoint directory lies.</summary>
    public static string PathOf(string directory) => directory + ".sha256";

    public static string Write(SortedDictionary<string, string> files) => string.Concat(files.Select(f => $"{f.Value}{Separator}{f.Key}\n"));

    /// <summary>What differs between what was published and what is there, one sentence a file; empty where there is no readable manifest.</summary>
    public static IReadOnlyList<string> Compare(string directory, SortedDictionary<string, string> found)
    {
        if (!File.Exists(PathOf(directory)))
        {
            return [];
        }

        var published = File.ReadLines(PathOf(directory))
            .Select(line => line.Split(Separator, 2))
            .Where(parts => parts.Length == 2)
            .DistinctBy(parts => parts[1], StringComparer.Ordinal)
            .ToDictionary(parts => parts[1], parts => parts[0], StringComparer.Ordinal);
        return
        [
            .. published.Where(f => !found.ContainsKey(f.Key)).Select(f => $"{f.Key} is missing"),
            .. published.Where(f => found.TryGetValue(f.Key, out var hash) && hash != f.Value).Select(f => $"{f.Key} has changed"),
            .. found.Keys.Where(name => !published.ContainsKey(name)).Select(name => $"{name} was added"),
        ];
    }
}
