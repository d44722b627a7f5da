using System.IO.Compression;
using System.Text;
using System.Text.Json.Nodes;
using Rlhf.Datasets.Files;
using Rlhf.Datasets.Formats;

namespace Rlhf.Datasets;

/// <summary>
/// Reads a data set of any known format: JSON Lines, a JSON array, CSV or plain text, compressed with gzip or not. The format is recognised by
/// the columns of the first row that is not broken. Memory is bounded by one row, which may have 4,194,304 characters.
/// </summary>
public sealed class DatasetReader : IDisposable
{
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
    private static readonly string[] ContainerNames = ["JSON Lines", "JSON array", "CSV", "plain text"];

    private readonly string _name;
    private readonly StreamReader _text;
    private readonly CharacterSource _source;
    private readonly FaultList _faults = new();
    private readonly HashSet<string> _columns = new(StringComparer.Ordinal);
    private DatasetFormat? _format;
    private int _read;

    /// <summary>Begins to read.</summary>
    /// <param name="content">The bytes; disposed with the reader.</param>
    /// <param name="name">The file's name, for its ending and for messages.</param>
    /// <param name="format">The format; null: recognised by the columns.</param>
    /// <exception cref="DatasetException">If the content cannot be read at all.</exception>
    public DatasetReader(Stream content, string name, DatasetFormat? format = null)
    {
        ArgumentNullException.ThrowIfNull(content);
        ArgumentNullException.ThrowIfNull(name);
        (_name, _format) = (name, format);
        var buffered = new BufferedStream(content, 1 << 16);
        var head = new byte[2];
        var count = buffered.ReadAtLeast(head, 2, throwOnEndOfStream: false);
        IsCompressed = count == 2 && head is [0x1f, 0x8b];
        Stream bytes = new PrefixedStream(head[..count], buffered);
        _text = new StreamReader(IsCompressed ? new GZipStream(bytes, CompressionMode.Decompress) : bytes, StrictUtf8);
        _source = new CharacterSource(_text);
        var ending = Path.GetExtension(name.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) ? name[..^3] : name);
        Container = format == DatasetFormat.Text || ending.Equals(".txt", StringComparison.OrdinalIgnoreCase) ? DatasetContainer.Text
            : ending.Equals(".csv", StringComparison.OrdinalIgnoreCase) ? DatasetContainer.Csv
            : Guarded(FirstCharacter) == '[' ? DatasetContainer.Json
            : DatasetContainer.JsonLines;
    }

    /// <summary>How the rows stand in the file.</summary>
    public DatasetContainer Container { get; }

    /// <summary>Whether the file is compressed with gzip.</summary>
    public bool IsCompressed { get; }

    /// <summary>The format; known once the first row was read.</summary>
    /// <exception cref="InvalidOperationException">Before.</exception>
    public DatasetFormat Format => _format ?? throw new InvalidOperationException("No row was read yet.");

    /// <summary>What was recognised, for people: "sharegpt (JSON array, columns conversations, id), 200 rows".</summary>
    public string Description =>
        $"{Format.Name} ({ContainerNames[(int)Container]}{(IsCompressed ? ", gzip" : "")}{(_columns.Count > 0 ? ", columns " + string.Join(", ", _columns.Order(StringComparer.Ordinal)) : "")}), "
        + $"{_read:N0} row{(_read == 1 ? "" : "s")}";

    /// <summary>Opens a file.</summary>
    /// <exception cref="DatasetException">If it is not there or cannot be read at all.</exception>
    public static DatasetReader Open(string path, DatasetFormat? format = null) => File.Exists(path)
        ? new DatasetReader(File.OpenRead(path), path, format)
        : throw new DatasetException($"{path}: no such file.");

    /// <summary>All rows of a file, or none.</summary>
    /// <param name="path">The file.</param>
    /// <param name="format">The format; null: recognised.</param>
    /// <param name="description">What was recognised.</param>
    /// <exception cref="DatasetException">With every broken row (the first 20), by line and reason.</exception>
    public static IReadOnlyList<DatasetRow> ReadAll(string path, DatasetFormat? format, out string description)
    {
        using var reader = Open(path, format);
        DatasetRow[] rows = [.. reader.Rows()];
        description = reader.Description;
        return rows;
    }

    /// <summary>All rows of a file as something else than data set rows, or none: files of the same kinds with columns of their own.</summary>
    /// <param name="path">The file.</param>
    /// <param name="format"><see cref="DatasetFormat.Text"/> reads any file as lines, each the column text; null goes by the file's ending.</param>
    /// <param name="read">Makes something of a row's columns; a <see cref="FormatException"/> says what is wrong with the row.</param>
    /// <exception cref="DatasetException">With every broken row (the first 20), by line and reason; or if there is no row.</exception>
    public static IReadOnlyList<T> ReadAll<T>(string path, DatasetFormat? format, Func<JsonObject, T> read)
    {
        ArgumentNullException.ThrowIfNull(read);
        using var reader = Open(path, format);
        return [.. reader.Rows<T>(raw => [read(raw.Columns!)])];
    }

    /// <summary>The rows, read once, one after the other.</summary>
    /// <exception cref="DatasetException">
    /// After the last row, if any row was broken or there was none: who has used rows by then has to undo it. Earlier, if no format fits.
    /// </exception>
    public IEnumerable<DatasetRow> Rows() => Rows(Read);

    /// <inheritdoc/>
    public void Dispose() => _text.Dispose();

    private IEnumerable<T> Rows<T>(Func<RawRow, IReadOnlyList<T>> read)
    {
        var count = 0;
        using var raw = Raw().GetEnumerator();
        while (Guarded(raw.MoveNext))
        {
            count++;
            if (raw.Current.Fault is { } fault)
            {
                _faults.Add(raw.Current.Line, fault);
                continue;
            }

            foreach (var row in Sound(raw.Current, read))
            {
                _read++;
                yield return row;
            }
        }

        if (_faults.Count > 0)
        {
            throw new DatasetException($"{_name}: {_faults.Count} of {count} rows cannot be read{(_format is null ? "" : $" as {_format}")}. Nothing was used.\n  {_faults}");
        }

        if (_read == 0)
        {
            throw new DatasetException($"{_name}: the file holds no row{(count > 0 ? $" that {_format} can be made of" : "")}. Nothing was used.");
        }
    }

    private IReadOnlyList<T> Sound<T>(RawRow raw, Func<RawRow, IReadOnlyList<T>> read)
    {
        try
        {
            return read(raw);
        }
        catch (Exception exception) when (exception is FormatException or InvalidOperationException)
        {
            _faults.Add(raw.Line, exception.Message);
            return [];
        }
    }

    private IEnumerable<RawRow> Raw() => Container switch
    {
        DatasetContainer.Json => JsonRows.Array(_source),
        DatasetContainer.Csv => CsvRows.Read(_source),
        DatasetContainer.Text => TextRows.Read(_source),
        _ => JsonRows.Lines(_source),
    };

    private IReadOnlyList<DatasetRow> Read(RawRow raw)
    {
        var columns = raw.Columns!;
        if (Container != DatasetContainer.Text && _columns.Count < 50)
        {
            _columns.UnionWith(columns.Select(c => c.Key).Take(50));
        }

        _format ??= Recognise(columns);
        var row = new RowColumns(columns);
        var rows = _format.Read(row).ToArray();
        return [.. rows.Select(r => r with { Line = raw.Line, Source = _format, Extra = row.Rest })];
    }

    private DatasetFormat Recognise(JsonObject columns) => Container == DatasetContainer.Text
        ? DatasetFormat.Text
        : DatasetFormat.All.FirstOrDefault(f => f.Matches(columns)) ?? throw new DatasetException(
            $"{_name}: no known format has the columns {string.Join(", ", columns.Select(c => c.Key).Take(20))}. Known are:\n  "
            + string.Join("\n  ", DatasetFormat.All.Where(f => f != DatasetFormat.Text).Select(f => $"{f.Name}: {f.Columns}")));

    private int FirstCharacter()
    {
        _source.SkipWhitespace();
        return _source.Peek();
    }

    private T Guarded<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (DecoderFallbackException)
        {
            throw new DatasetException($"{_name}: not valid UTF-8 after line {_source.Line}. Nothing was used.");
        }
        catch (InvalidDataException exception)
        {
            throw new DatasetException($"{_name}: not a readable gzip file after line {_source.Line} ({exception.Message}). Nothing was used.");
        }
    }
}
