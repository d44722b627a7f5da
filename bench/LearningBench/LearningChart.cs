using System.Globalization;
using System.Text;

namespace Rlhf.Bench.Learning;

/// <summary>A learning curve as an SVG picture: the seeds' mean in a band from worst to best, the random baseline, and the threshold.</summary>
internal static class LearningChart
{
    private const int Width = 480, Height = 260, Left = 46, Right = 14, Top = 30, Bottom = 38;

    /// <summary>Draws the curves of one method.</summary>
    /// <param name="title">The picture's heading.</param>
    /// <param name="axis">What steps are called.</param>
    /// <param name="curves">One for each seed, with the same steps.</param>
    /// <param name="baseline">Score of random responses.</param>
    /// <param name="threshold">The score that shows that it has learned.</param>
    public static string Svg(string title, string axis, IReadOnlyList<IReadOnlyList<CurvePoint>> curves, double baseline, double threshold)
    {
        var steps = curves[0].Select(p => p.Step).ToArray();
        var points = steps.Select((step, i) => (Step: step, Low: curves.Min(c => c[i].Score), Mean: curves.Average(c => c[i].Score), High: curves.Max(c => c[i].Score))).ToArray();
        var svg = new StringBuilder();
        Line($"""<svg xmlns="http://www.w3.org/2000/svg" width="{Width}" height="{Height}" viewBox="0 0 {Width} {Height}" font-family="sans-serif" font-size="11">""");
        Line($"""<rect width="{Width}" height="{Height}" fill="white"/>""");
        Line($"""<text x="{Left}" y="18" font-size="13">{title}</text>""");
        for (var tick = 0; tick <= 4; tick++)
        {
            Line($"""<path d="M{Left} {Y(tick / 4.0)}H{Width - Right}" stroke="#ddd"/><text x="{Left - 6}" y="{Y(tick / 4.0)}" dy="4" text-anchor="end">{Number(tick / 4.0)}</text>""");
        }

        foreach (var step in new[] { steps[0], steps[steps.Length / 2], steps[^1] })
        {
            Line($"""<text x="{X(step)}" y="{Height - Bottom + 16}" text-anchor="middle">{step}</text>""");
        }

        Line($"""<text x="{(Left + Width - Right) / 2}" y="{Height - 6}" text-anchor="middle">{axis}</text>""");
        Line($"""<path d="{Path(points.Select(p => (p.Step, p.High)))}L{string.Join('L', points.Reverse().Select(p => $"{X(p.Step)} {Y(p.Low)}"))}Z" fill="#1f77b4" fill-opacity="0.2"/>""");
        Line($"""<path d="{Path(points.Select(p => (p.Step, p.Mean)))}" fill="none" stroke="#1f77b4" stroke-width="2"/>""");
        Level(baseline, "random", "#888");
        Level(threshold, "threshold", "#2ca02c");
        Line("</svg>");
        return svg.ToString();

        void Line(string text) => svg.Append(text).Append('\n');

        void Level(double score, string name, string colour) => Line(
            $"""<path d="M{Left} {Y(score)}H{Width - Right}" stroke="{colour}" stroke-dasharray="4 3"/><text x="{Width - Right}" y="{Y(score)}" dy="-4" text-anchor="end" fill="{colour}">{name} {Number(score)}</text>""");

        string Path(IEnumerable<(int Step, double Score)> line) => "M" + string.Join('L', line.Select(p => $"{X(p.Step)} {Y(p.Score)}"));

        string X(double step) => Number(Left + ((Width - Left - Right) * step / Math.Max(1, steps[^1])));

        string Y(double score) => Number(Height - Bottom - ((Height - Top - Bottom) * Math.Clamp(score, 0, 1)));
    }

    private static string Number(double value) => value.ToString("0.##", CultureInfo.InvariantCulture);
}
