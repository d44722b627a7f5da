using System.Globalization;

namespace Rlhf.Bench;

/// <summary>How much of the processors' time others took while a bench ran: figures of a contended run are worth only their ratios.</summary>
public sealed class Load
{
    private const double QuietShare = 0.03;
    private readonly (double Busy, double Total, double Own) _start = Read();

    /// <summary>One line.</summary>
    public string Describe()
    {
        var (busy, total, own) = Read();
        var others = Math.Max(0, busy - _start.Busy - (own - _start.Own)) / Math.Max(1, total - _start.Total);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"Others took {others:P0} of the processors' time during this run: {(others > QuietShare ? "contended, compare only within it" : "quiet")}.");
    }

    // In ticks of 1/100 s, as proc(5) has them.
    private static (double Busy, double Total, double Own) Read()
    {
        if (!OperatingSystem.IsLinux())
        {
            return default;
        }

        // user nice system idle iowait irq softirq steal
        var all = File.ReadLines("/proc/stat").First().Split(' ', StringSplitOptions.RemoveEmptyEntries).Skip(1).Take(8).Select(Number).ToArray();
        return (all.Sum() - all[3] - all[4], all.Sum(), Ticks("self") + BenchChild.Living.Sum(id => Ticks($"{id}")));
    }

    /// <summary>A process and those of its children that have ended.</summary>
    private static double Ticks(string process)
    {
        try
        {
            // The second field, the name, may hold spaces; utime is the 14th, with stime, cutime and cstime after it.
            var stat = File.ReadAllText($"/proc/{process}/stat");
            return stat[(stat.LastIndexOf(')') + 2)..].Split(' ').Skip(11).Take(4).Sum(Number);
        }
        catch (IOException)
        {
            return 0;
        }
    }

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
}
