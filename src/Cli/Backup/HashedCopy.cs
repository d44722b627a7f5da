using System.Security.Cryptography;

namespace Rlhf.Cli.Backup;

/// <summary>Copies a file, reads its bytes once, and says what they hash to.</summary>
internal static class HashedCopy
{
    public static (long Size, string Sha256) Copy(string source, string target)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using var input = File.OpenRead(source);
        using var output = new FileStream(target, FileMode.CreateNew, FileAccess.Write);
        var buffer = new byte[1 << 20];
        long size = 0;
        while (input.Read(buffer) is var count and > 0)
        {
            hash.AppendData(buffer.AsSpan(0, count));
            output.Write(buffer.AsSpan(0, count));
            size += count;
        }

        output.Flush(flushToDisk: true);
        return (size, Convert.ToHexStringLower(hash.GetHashAndReset()));
    }

    public static string Sha256(string path)
    {
        using var stream = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }
}
