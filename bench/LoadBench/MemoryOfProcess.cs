using System.Globalization;

namespace LoadBench;

/// <summary>The resident memory of a process over time.</summary>
internal sealed class MemoryOfProcess(int processId)
{
    private readonly List<(double Minutes, double Mebibytes)> _samples = [];

    /// <summary>The last sample in MiB.</summary>
    public double Last => _samples[^1].Mebibytes;

    /// <summary>The largest sample in MiB.</summary>
    public double Peak => _samples.Max(s => s.Mebibytes);

    public void Sample(double minutes)
    {
        var line = File.ReadLines($"/proc/{processId}/status").Single(l => l.StartsWith("VmRSS:", StringComparison.Ordinal));
        var kibibytes = double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
        _samples.Add((minutes, kibibytes / 1024));
    }

    /// <summary>Growth in MiB a minute, by least squares over the second half: the first half fills caches, pools and the heap's budget.</summary>
    public double Slope()
    {
        var half = _samples.Skip(_samples.Count / 2).ToList();
        var (meanX, meanY) = (half.Average(s => s.Minutes), half.Average(s => s.Mebibytes));
        return half.Sum(s => (s.Minutes - meanX) * (s.Mebibytes - meanY)) / half.Sum(s => (s.Minutes - meanX) * (s.Minutes - meanX));
    }
}
