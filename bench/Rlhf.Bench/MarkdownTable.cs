using System.Globalization;

namespace Rlhf.Bench;

/// <summary>A table that pads its columns, for consoles as for Markdown.</summary>
/// <param name="headers">The first row.</param>
public sealed class MarkdownTable(params string[] headers)
{
    private readonly List<string[]> _rows = [];
    private readonly bool[] _isNumber = new bool[headers.Length];

    /// <summary>Adds a row. Numbers get three significant digits or, from 100 on, none after the point; NaN is a dash.</summary>
    public void Add(params object[] cells)
    {
        ArgumentNullException.ThrowIfNull(cells);
        for (var i = 0; i < cells.Length; i++)
        {
            _isNumber[i] |= cells[i] is double or int;
        }

        _rows.Add([.. cells.Select(Text)]);
    }

    /// <summary>Prints it.</summary>
    public void Print()
    {
        var widths = headers.Select((header, i) => _rows.Select(row => row[i].Length).Append(header.Length).Max()).ToArray();
        Line(headers);
        Line([.. widths.Select((width, i) => _isNumber[i] ? new string('-', width - 1) + ":" : new string('-', width))]);
        _rows.ForEach(Line);
        Console.WriteLine();

        void Line(string[] cells) => Console.WriteLine($"| {string.Join(" | ", cells.Select((cell, i) => _isNumber[i] ? cell.PadLeft(widths[i]) : cell.PadRight(widths[i])))} |");
    }

    /// <summary>A share in per cent, or a dash.</summary>
    public static string Share(double share) => double.IsNaN(share) ? "–" : share.ToString("P0", CultureInfo.InvariantCulture);

    /// <summary>A factor, or a dash.</summary>
    public static string Factor(double factor) => double.IsNaN(factor) ? "–" : factor.ToString("0.00", CultureInfo.InvariantCulture) + " ×";

    private static string Text(object cell) => cell switch
    {
        double.NaN => "–",
        double number and (>= 100 or <= -100) => number.ToString("#,0", CultureInfo.InvariantCulture),
        double number and (>= 10 or <= -10) => number.ToString("0.0", CultureInfo.InvariantCulture),
        double number and (>= 1 or <= -1) => number.ToString("0.00", CultureInfo.InvariantCulture),
        double number => number.ToString("0.000", CultureInfo.InvariantCulture),
        _ => cell.ToString() ?? "",
    };
}
