using System.Security.Cryptography;
using System.Text;

namespace Rlhf.Modeling.Checkpoints;

/// <summary>The content hash of a checkpoint directory.</summary>
public static class CheckpointHash
{
    /// <summary>SHA-256 over the sorted lines "relative path, NUL, SHA-256 of the file": names and contents count, dates do not.</summary>
    /// <param name="directory">A checkpoint directory.</param>
    /// <returns>64 lower-case hexadecimal digits.</returns>
    public static string Compute(string directory)
    {
        using var total = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var files = Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories)
            .Select(path => (Path: path, Name: Path.GetRelativePath(directory, path).Replace('\\', '/')))
            .OrderBy(file => file.Name, StringComparer.Ordinal);
        foreach (var (path, name) in files)
        {
            using var stream = File.OpenRead(path);
            total.AppendData(Encoding.UTF8.GetBytes($"{name}\0{Convert.ToHexStringLower(SHA256.HashData(stream))}\n"));
        }

        return Convert.ToHexStringLower(total.GetHashAndReset());
    }
}
