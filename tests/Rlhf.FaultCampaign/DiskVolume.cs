using System.Diagnostics;
using System.Globalization;

namespace Rlhf.FaultCampaign;

/// <summary>
/// A small file system of its own, so that it can be filled up without harm to the machine. Needs the right to mount a tmpfs. A shell keeps it until its
/// pipe from this process closes: also when this process is killed.
/// </summary>
internal sealed class DiskVolume : IDisposable
{
    private const string Script = """
        trap '' INT TERM HUP
        mount -t tmpfs -o "size=$1m" tmpfs "$2" 2>/dev/null || exit 1
        echo mounted
        read -r _
        umount -l "$2"
        """;

    private readonly Process _keeper;
    private readonly bool _isMounted;

    public DiskVolume(string path, int megabytes)
    {
        Path = Directory.CreateDirectory(path).FullName;
        _keeper = Process.Start(new ProcessStartInfo("bash", ["-c", Script, "disk", megabytes.ToString(CultureInfo.InvariantCulture), Path])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true,
        })!;
        _isMounted = _keeper.StandardOutput.ReadLine() is not null;
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
        _keeper.StandardInput.Close();
        _keeper.WaitForExit();
        _keeper.Dispose();
    }
}
