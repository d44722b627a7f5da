using Rlhf.Contracts.Training;

namespace Labeling.Web.Features.Runs;

/// <summary>The learning curves of a run as they grow: metrics in the order of their groups, points in the order of their steps.</summary>
public sealed class Curves
{
    private readonly SortedDictionary<string, List<CurvePoint>> _byName = new(StringComparer.Ordinal);

    /// <summary>The highest step seen; 0 before any.</summary>
    public int LastStep { get; private set; } = -1;

    /// <summary>
    /// The curves by group. The group of "objective/kl" is "objective"; a leading "ppo/" or "eval/" belongs to it. Metrics without a
    /// group, such as a reward model's loss and accuracy, come first. The bins of a reliability diagram are no curves: they are drawn as what they are.
    /// </summary>
    public IEnumerable<IGrouping<string, KeyValuePair<string, List<CurvePoint>>>> Groups =>
        _byName.GroupBy(c => c.Key.LastIndexOf('/') is var slash and > 0 ? c.Key[..slash] : "").OrderBy(g => g.Key, StringComparer.Ordinal);

    /// <summary>True if there is no point yet.</summary>
    public bool IsEmpty => _byName.Count == 0;

    /// <summary>Adds points newer than <see cref="LastStep"/>, ordered by step.</summary>
    public void Append(IEnumerable<CurvePoint> points)
    {
        foreach (var point in points)
        {
            LastStep = Math.Max(LastStep, point.Step);
            if (point.Name.StartsWith(CalibrationNames.BinPrefix, StringComparison.Ordinal))
            {
                continue;
            }

            if (!_byName.TryGetValue(point.Name, out var curve))
            {
                _byName.Add(point.Name, curve = []);
            }

            curve.Add(point);
        }
    }
}
