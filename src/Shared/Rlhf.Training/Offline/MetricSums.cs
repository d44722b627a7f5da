using Rlhf.Training.Checkpointing;

namespace Rlhf.Training.Offline;

/// <summary>Weighted sums of what the steps since the last report showed; part of a saved state, so that a resumed run reports the same.</summary>
public sealed class MetricSums
{
    private readonly SortedDictionary<string, (double Sum, double Weight)> _entries = new(StringComparer.Ordinal);

    /// <summary>Adds to a metric.</summary>
    /// <param name="name">Its name in reports.</param>
    /// <param name="sum">Σ weight · value.</param>
    /// <param name="weight">Σ weight: tokens, pairs, steps. The report is sum / weight.</param>
    public void Add(string name, double sum, double weight)
    {
        var (oldSum, oldWeight) = _entries.GetValueOrDefault(name);
        _entries[name] = (oldSum + sum, oldWeight + weight);
    }

    /// <summary>Writes the means; a metric of which nothing was seen is left out.</summary>
    public void Report(IDictionary<string, double> metrics)
    {
        ArgumentNullException.ThrowIfNull(metrics);
        foreach (var (name, (sum, weight)) in _entries)
        {
            if (weight > 0)
            {
                metrics[name] = sum / weight;
            }
        }
    }

    /// <summary>What was added, by name.</summary>
    internal IEnumerable<(string Name, double Sum, double Weight)> Entries() => _entries.Select(e => (e.Key, e.Value.Sum, e.Value.Weight));

    /// <summary>Adds all of another's sums.</summary>
    internal void Add(MetricSums other)
    {
        foreach (var (name, sum, weight) in other.Entries())
        {
            Add(name, sum, weight);
        }
    }

    internal void Clear() => _entries.Clear();

    internal void Save(TrainingState state)
    {
        foreach (var (name, (sum, weight)) in _entries)
        {
            (state.Numbers["sum:" + name], state.Numbers["weight:" + name]) = (sum, weight);
        }
    }

    internal void Restore(TrainingState state)
    {
        foreach (var (name, sum) in state.Numbers.Where(n => n.Key.StartsWith("sum:", StringComparison.Ordinal)))
        {
            _entries[name[4..]] = (sum, state.Number("weight:" + name[4..]));
        }
    }
}
