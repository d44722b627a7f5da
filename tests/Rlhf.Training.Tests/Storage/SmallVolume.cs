using System.Diagnostics;
using System.Globalization;

namespace Rlhf.Training.Tests.Storage;

/// <summary>A real file system of a few hundred kilobytes: a tmpfs, which only root may mount. Elsewhere the test is skipped with the reason.</summary>
internal sealed class SmallVolume : IDisposable
{
    private SmallVolume(string path) => Path = path;

    public string Path { get; }

    public static SmallVolume Mount(int bytes)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Environment.IsPrivilegedProcess, "needs a small file system: only root on Linux may mount one");
        var path = Directory.CreateTempSubdirectory("rlhf-small-").FullName;
        if (Run("mount", "-t", "tmpfs", "-o", string.Create(CultureInfo.InvariantCulture, $"size={bytes}"), "tmpfs", path) is { Length: > 0 } error)
        {
            Directory.Delete(path);
            Assert.Skip($"needs a small file system, and a tmpfs cannot be mounted here: {error}");
        }

        return new SmallVolume(path);
    }

    public void Dispose()
    {
        Assert.Null(Run("umount", "--lazy", Path));
        Directory.Delete(Path);
    }

    private static string? Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        var error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? null : $"{program} exited with {process.ExitCode}: {error.Trim()}";
    }
}
