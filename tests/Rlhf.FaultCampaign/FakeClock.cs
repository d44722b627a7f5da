using System.Globalization;

namespace Rlhf.FaultCampaign;

/// <summary>
/// The wall clock of one process, moved by libfaketime (Debian's package faketime), which reads the offset from a file. The monotonic clock,
/// by which timers run, is left alone, as when an administrator sets the time of a machine.
/// </summary>
internal sealed class FakeClock
{
    private readonly string _file;

    public FakeClock(string file)
    {
        _file = file;
        Set(TimeSpan.Zero);
    }

    /// <summary>The library; null where it is not installed.</summary>
    public static string? Library { get; } = Directory.Exists("/usr/lib")
        ? Directory.GetDirectories("/usr/lib", "*-linux-gnu").Select(d => Path.Combine(d, "faketime", "libfaketimeMT.so.1")).FirstOrDefault(File.Exists)
        : null;

    /// <summary>
    /// What the process needs in its environment. The "fix" is for an old glibc; with it on, waits with a time limit end at once here.
    /// </summary>
    public IEnumerable<KeyValuePair<string, string>> Environment => Library is null
        ? []
        : [new("LD_PRELOAD", Library), new("FAKETIME_TIMESTAMP_FILE", _file), new("FAKETIME_CACHE_DURATION", "1"), new("DONT_FAKE_MONOTONIC", "1"), new("FAKETIME_FORCE_MONOTONIC_FIX", "0")];

    /// <summary>Moves the clock so far from the machine's; the process notices within a second.</summary>
    public void Set(TimeSpan offset)
    {
        // In one write, and renamed: the process never reads half a number.
        var beside = _file + ".new";
        File.WriteAllText(beside, offset.TotalSeconds.ToString("+0;-0;+0", CultureInfo.InvariantCulture) + "\n");
        File.Move(beside, _file, overwrite: true);
    }
}
