using System.Diagnostics;

namespace Rlhf.Bench;

/// <summary>One thing to time.</summary>
/// <param name="Name">As in the table.</param>
/// <param name="Run">One repetition: seconds by phase.</param>
public sealed record Variant(string Name, Func<IReadOnlyDictionary<string, double>> Run)
{
    /// <summary>The phase of a variant that has only one.</summary>
    public const string All = "all";

    /// <summary>A variant timed from outside.</summary>
    public static Variant Timed(string name, Action run) => new(name, () =>
    {
        var clock = Stopwatch.StartNew();
        run();
        return new Dictionary<string, double> { [All] = clock.Elapsed.TotalSeconds };
    });
}

/// <summary>
/// Repetitions of several variants by turns, so that a change of the machine's load meets all of them. Figures are medians; a ratio is the
/// median of the rounds' ratios, which a drift of the load does not touch.
/// </summary>
public sealed class Rounds
{
    private readonly Dictionary<string, List<IReadOnlyDictionary<string, double>>> _seconds = [];

    /// <summary>Runs every variant once to warm up, then the rounds, every other one in reverse.</summary>
    public static Rounds Run(int repetitions, IReadOnlyList<Variant> variants)
    {
        ArgumentNullException.ThrowIfNull(variants);
        var rounds = new Rounds();
        foreach (var variant in variants)
        {
            variant.Run();
        }

        for (var round = 0; round < repetitions; round++)
        {
            foreach (var variant in round % 2 == 0 ? variants : variants.Reverse())
            {
                rounds.Add(variant.Name, variant.Run());
            }
        }

        return rounds;
    }

    /// <summary>One repetition more.</summary>
    public void Add(string variant, IReadOnlyDictionary<string, double> seconds)
    {
        if (!_seconds.TryGetValue(variant, out var list))
        {
            _seconds[variant] = list = [];
        }

        list.Add(seconds);
    }

    /// <summary>Whether a variant has run.</summary>
    public bool Has(string variant) => _seconds.ContainsKey(variant);

    /// <summary>The median seconds of a phase; NaN if the variant has none of that name.</summary>
    public double Median(string variant, string phase = Variant.All) => MedianOf(_seconds[variant].Select(s => s.GetValueOrDefault(phase, double.NaN)));

    /// <summary>The fewest seconds of a phase.</summary>
    public double Best(string variant, string phase = Variant.All) => _seconds[variant].Min(s => s[phase]);

    /// <summary>How many times as fast as <paramref name="other"/> a variant is; NaN if the other did not run.</summary>
    public double Speedup(string variant, string other, string phase = Variant.All) =>
        Has(other) ? MedianOf(_seconds[variant].Zip(_seconds[other], (ours, theirs) => theirs[phase] / ours[phase])) : double.NaN;

    private static double MedianOf(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
