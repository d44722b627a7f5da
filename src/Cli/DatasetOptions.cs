using System.CommandLine;
using System.CommandLine.Parsing;
using Rlhf.Datasets;
using Rlhf.Modeling.Chat;
using Rlhf.Modeling.Tokenization;
using Rlhf.Training.Batching;

namespace Rlhf.Cli;

/// <summary>The flags of the commands that train on a file: which, in what format, and which part of it is held out.</summary>
internal sealed class DatasetOptions
{
    private const double DefaultTestSize = 0.1;

    private readonly Option<string> _dataset;
    private readonly Option<string?> _format = Format();
    private readonly Option<int?> _trainSize = new("--train-size") { Description = "The first so many rows, and later ones that answer the same prompts, are for training, the rest is held out; instead of --test-size." };
    private readonly Option<double?> _testSize = new("--test-size")
    {
        Description = $"The share of prompts that is held out, by a hash of the prompt, so that answers to one prompt stay together; default: {DefaultTestSize}.",
    };

    /// <param name="description">What rows the command needs.</param>
    public DatasetOptions(string description) => _dataset = new("--dataset")
    {
        Description = $"{description} Any known format (docs/guides/data-formats.md): .json, .jsonl, .csv, .txt, each with .gz or without.",
        Required = true,
    };

    /// <summary>The flag that overrides what is recognised.</summary>
    public static Option<string?> Format(string name = "--format") => new(name)
    {
        Description = $"The format of the file; default: recognised by its columns. {string.Join(", ", DatasetFormat.All.Select(f => f.Name).Order(StringComparer.Ordinal))}.",
    };

    /// <summary>All rows of a file, or none; what was recognised is printed to the standard error.</summary>
    public static IReadOnlyList<DatasetRow> Read(string path, string? format)
    {
        var rows = DatasetReader.ReadAll(path, format is null ? null : DatasetFormat.Named(format), out var description);
        Console.Error.WriteLine($"{path}: {(format is null ? "detected" : "read as")} {description}");
        return rows;
    }

    /// <summary>Every row as token ids, or something else that is made of one row.</summary>
    /// <exception cref="DatasetException">With every row that the layout of the model has no place for.</exception>
    public static T[] Encode<T>(IEnumerable<DatasetRow> rows, Func<DatasetRow, T> encode) => [.. rows.MakeAll<T>("", "cannot be encoded", row => [encode(row)])];

    /// <summary>The encoder of a model directory, with its chat template if it has one.</summary>
    public static DialogueEncoder Encoder(string model, Tokenizer tokenizer, int positions) => new(tokenizer, positions, Template(model));

    /// <summary>The chat template of a model directory; null if it has none.</summary>
    public static ChatTemplate? Template(string model)
    {
        try
        {
            return ChatTemplate.Load(model);
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    /// <summary>Adds the flags to a command.</summary>
    public void AddTo(Command command, bool withDataset = true)
    {
        if (withDataset)
        {
            command.Options.Add(_dataset);
        }

        command.Options.Add(_format);
        command.Options.Add(_trainSize);
        command.Options.Add(_testSize);
    }

    /// <summary>Reads the file of --dataset for training and for evaluation: rows of the types, or what becomes the first of them (none: all as they are).</summary>
    public (IReadOnlyList<DatasetRow> Train, IReadOnlyList<DatasetRow> Test) Read(ParseResult parse, ulong seed, params IReadOnlyList<DatasetType> types) =>
        Read(parse, parse.GetRequiredValue(_dataset), seed, types);

    /// <summary>Reads a file likewise.</summary>
    public (IReadOnlyList<DatasetRow> Train, IReadOnlyList<DatasetRow> Test) Read(ParseResult parse, string path, ulong seed, params IReadOnlyList<DatasetType> types)
    {
        var (trainSize, testSize) = (parse.GetValue(_trainSize), parse.GetValue(_testSize));
        var rows = Read(path, parse.GetValue(_format));
        rows = types.Count > 0 ? rows.ToAll(path, types) : rows;
        if (trainSize is not null && testSize is not null)
        {
            throw new UserException("--train-size and --test-size say the same thing in two ways: give one.");
        }

        if (trainSize is { } first)
        {
            return first >= 1 && first <= rows.Count
                ? DatasetSplit.First(rows, first)
                : throw new UserException($"--train-size is {first}; the file gives {rows.Count} rows, so legal values are 1 to {rows.Count}.");
        }

        if (!(testSize is null or (>= 0 and < 1)))
        {
            throw new UserException($"--test-size is {testSize}; it must lie in [0, 1).");
        }

        var split = DatasetSplit.Of(rows, testSize ?? DefaultTestSize, seed);
        return split.Train.Count > 0 ? split : throw new UserException($"{path}: --test-size leaves none of {rows.Count} rows for training.");
    }
}
