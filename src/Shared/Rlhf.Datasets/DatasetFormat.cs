using System.Text.Json.Nodes;
using Rlhf.Datasets.Formats;

namespace Rlhf.Datasets;

/// <summary>One way in which data sets are laid out: which columns a row has and what they mean.</summary>
public sealed class DatasetFormat
{
    internal DatasetFormat(string name, string columns, params DatasetType[] types) => (Name, Columns, Types) = (name, columns, types);

    /// <summary>The name, as --format takes it: TRL's name of the type, or the data set or program that made the layout known.</summary>
    public string Name { get; }

    /// <summary>The columns, for people.</summary>
    public string Columns { get; }

    /// <summary>What its rows can be.</summary>
    public IReadOnlyList<DatasetType> Types { get; }

    /// <summary>All formats, in the order in which they are tried: what asks for more columns comes first.</summary>
    public static IReadOnlyList<DatasetFormat> All => FormatList.All;

    /// <summary>Plain text, a row a line.</summary>
    public static DatasetFormat Text => TrlFormats.Text;

    /// <summary>Whether a row of these columns may be of this format.</summary>
    internal Func<JsonObject, bool> Matches { get; init; } = _ => false;

    /// <summary>Takes the columns it knows out of a row and says what they mean; what is left becomes <see cref="DatasetRow.Extra"/>.</summary>
    internal Func<RowColumns, IEnumerable<DatasetRow>> Read { get; init; } = _ => [];

    /// <summary>The columns of a row of one of <see cref="Types"/>; a <see cref="FormatException"/> if they cannot say it.</summary>
    internal Func<DatasetRow, JsonObject> Write { get; init; } = _ => [];

    /// <summary>The format of a name.</summary>
    /// <exception cref="DatasetException">If there is none; the message lists all.</exception>
    public static DatasetFormat Named(string name) => All.FirstOrDefault(f => f.Name == name)
        ?? throw new DatasetException($"there is no format \"{name}\"; legal values: {string.Join(", ", All.Select(f => f.Name).Order(StringComparer.Ordinal))}.");

    /// <summary>Whether it can hold rows of a type, or what they convert to.</summary>
    public bool Carries(DatasetType type) => Types.Any(t => RowConversion.Converts(type, t));

    /// <inheritdoc/>
    public override string ToString() => Name;

    internal static string NameOf(DatasetType type) => string.Concat(type.ToString().Select((c, i) => char.IsUpper(c) ? (i == 0 ? "" : "-") + char.ToLowerInvariant(c) : $"{c}"));

    /// <summary>The rows' columns in this format; the row's own type where it can be, else the first that the row converts to.</summary>
    internal IEnumerable<JsonObject> ColumnsOf(DatasetRow row)
    {
        var type = Types.Contains(row.Type) ? row.Type
            : Types.Cast<DatasetType?>().FirstOrDefault(t => RowConversion.Converts(row.Type, t!.Value))
                ?? throw new FormatException($"{NameOf(row.Type)} rows cannot be written as {Name}");
        foreach (var converted in row.To(type))
        {
            var columns = Write(converted);
            foreach (var (name, value) in row.Source == this ? row.Kept.Concat(row.Extra) : [])
            {
                columns.TryAdd(name, value?.DeepClone());
            }

            yield return columns;
        }
    }
}
