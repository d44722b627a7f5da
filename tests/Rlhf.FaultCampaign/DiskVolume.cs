using System.Diagnostics;

namespace Rlhf.FaultCampaign;

/// <summary>A small file system of its own, so that it can be filled up without harm to the machine. Needs the right to mount a tmpfs.</summary>
internal sealed class DiskVolume : IDisposable
{
    private readonly bool _isMounted;

    public DiskVolume(string path, int megabytes)
    {
        Path = Directory.CreateDirectory(path).FullName;
        _isMounted = Run("mount", "-t", "tmpfs", "-o", $"size={megabytes}m", "tmpfs", Path);
    }

    public string Path { get; }

    /// <summary>Whether it has a limit of its own and can be filled up.</summary>
    public bool IsLimited => _isMounted;

    private string Ballast => System.IO.Path.Combine(Path, "ballast");

    /// <summary>Leaves not a byte free.</summary>
    public void Fill()
    {
        // Each write is a whole block: what remains is less than one, and no file can be made longer.
        var block = new byte[4096];
        using var file = new FileStream(Ballast, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        try
        {
            while (_isMounted)
            {
                file.Write(block);
            }
        }
        catch (IOException)
        {
            // Full.
        }
    }

    /// <summary>Gives the space back.</summary>
    public void Free() => File.Delete(Ballast);

    public void Dispose()
    {
        if (_isMounted)
        {
            Run("umount", "-l", Path);
        }
    }

    private static bool Run(string command, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(command, arguments) { RedirectStandardError = true })!;
            process.StandardError.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
