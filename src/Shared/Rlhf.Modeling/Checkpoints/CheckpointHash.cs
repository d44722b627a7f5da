using System.Security.Cryptography;
using System.Text;

namespace Rlhf.Modeling.Checkpoints;

/// <summary>The content hash of a checkpoint directory.</summary>
public static class CheckpointHash
{
    /// <summary>SHA-256 over the sorted lines "relative path, NUL, SHA-256 of the file": names and contents count, dates do not.</summary>
    /// <param name="directory">A checkpoint directory.</param>
    /// <returns>64 lower-case hexadecimal digits.</returns>
    public static string Compute(string directory) => Combine(ComputeFiles(directory));

    /// <summary>Every file of a checkpoint directory with the SHA-256 of its bytes (64 lower-case hexadecimal digits).</summary>
    /// <param name="directory">A checkpoint directory.</param>
    /// <returns>Relative path with slashes → hash, in ordinal order of the paths.</returns>
    public static SortedDictionary<string, string> ComputeFiles(string directory)
    {
        SortedDictionary<string, string> files = new(StringComparer.Ordinal);
        foreach (var path in Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories))
        {
            using var stream = File.OpenRead(path);
            files.Add(Path.GetRelativePath(directory, path).Replace('\\', '/'), Convert.ToHexStringLower(SHA256.HashData(stream)));
        }

        return files;
    }

    /// <summary>The content hash of the directory that has these files.</summary>
    public static string Combine(SortedDictionary<string, string> files)
    {
        ArgumentNullException.ThrowIfNull(files);
        using var total = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var (name, hash) in files)
        {
            total.AppendData(Encoding.UTF8.GetBytes($"{name}\0{hash}\n"));
        }

        return Convert.ToHexStringLower(total.GetHashAndReset());
    }
}
