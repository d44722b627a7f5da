using System.Globalization;
using System.Text;

namespace Rlhf.Numerics;

/// <summary>A table as comma-separated values (RFC 4180), numbers in full precision and invariant notation.</summary>
public static class CsvTable
{
    /// <summary>The header and the rows, each line ended by CR LF.</summary>
    public static string Write(IReadOnlyList<string> header, IEnumerable<IReadOnlyList<object?>> rows)
    {
        var text = new StringBuilder();
        foreach (var row in rows.Prepend([.. header]))
        {
            text.AppendJoin(',', row.Select(f => Quote(Convert.ToString(f, CultureInfo.InvariantCulture) ?? ""))).Append("\r\n");
        }

        return text.ToString();
    }

    // A spreadsheet takes a field that begins like a formula for one.
    private static string Quote(string field)
    {
        var safe = field.Length > 0 && field[0] is ('=' or '+' or '@') ? "'" + field : field;
        return safe.IndexOfAny([',', '"', '\n', '\r']) >= 0 ? $"\"{safe.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : safe;
    }
}
