using System.Globalization;

namespace Rlhf.Training.Runs;

/// <summary>
/// The directory a claim keeps its state in: <c>STATE/RUN/claim-TOKEN</c>. A claim takes over what the claim before it left by renaming that
/// directory to its own name, in one step and without copying. A worker that lost its lease and wakes up still has the old name: what it was about to write
/// has nowhere to go, or ends in a directory of a lower token, which nobody reads and the next claim removes.
/// </summary>
internal static class RunStateDirectory
{
    private const string Prefix = "claim-";

    /// <summary>The directory of a claim, with the state of the newest claim before it, if there is one.</summary>
    /// <param name="runDirectory">Directory of the run; made when missing.</param>
    /// <param name="fencingToken">The claim's token.</param>
    /// <returns>An existing directory.</returns>
    public static string TakeOver(string runDirectory, long fencingToken)
    {
        Directory.CreateDirectory(runDirectory);
        var own = Path.Combine(runDirectory, Name(fencingToken));
        while (!Directory.Exists(own))
        {
            try
            {
                if (Earlier(runDirectory, fencingToken).FirstOrDefault() is { } newest)
                {
                    Directory.Move(newest, own);
                }
                else
                {
                    Directory.CreateDirectory(own);
                }
            }
            catch (DirectoryNotFoundException)
            {
                // Another claim renamed it in the meantime; its new name is found next.
            }
        }

        foreach (var old in Earlier(runDirectory, fencingToken))
        {
            Directory.Delete(old, recursive: true);
        }

        return own;
    }

    private static string Name(long fencingToken) => Prefix + fencingToken.ToString(CultureInfo.InvariantCulture);

    // Of lower tokens only: a claim that is itself outdated leaves its successors' directories alone.
    private static string[] Earlier(string runDirectory, long fencingToken) =>
    [
        .. Directory.EnumerateDirectories(runDirectory, Prefix + "*")
            .Select(path => (Path: path, Token: long.TryParse(Path.GetFileName(path).AsSpan(Prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var token) ? token : long.MaxValue))
            .Where(claim => claim.Token < fencingToken)
            .OrderByDescending(claim => claim.Token)
            .Select(claim => claim.Path),
    ];
}
