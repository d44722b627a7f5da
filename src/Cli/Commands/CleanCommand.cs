using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Rlhf.Datasets;
using Rlhf.Datasets.Cleaning;
using Rlhf.Modeling.Checkpoints;
using Spectre.Console;

namespace Rlhf.Cli.Commands;

/// <summary><c>rlhf clean</c>: a corpus for pretraining without duplicates, texts of the wrong length, and other languages.</summary>
internal static class CleanCommand
{
    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, WriteIndented = true };

    public static Command Create()
    {
        var defaults = new CleaningConfig();
        var files = new Option<string[]>("--files")
        {
            Description = "The corpus: rows with \"text\", or plain text with a document a line; .json, .jsonl, .csv or .txt, each with .gz or without.",
            Required = true,
            AllowMultipleArgumentsPerToken = true,
        };
        var output = new Option<string>("--output") { Description = "The file to write: .jsonl, .json, .csv or .txt; it appears complete or not at all.", Required = true };
        var report = new Option<string?>("--report") { Description = "A JSON file: the settings, the counts, and every dropped text with its reason." };
        var minWords = new Option<int>("--min-words") { Description = "Drop texts with fewer words.", DefaultValueFactory = _ => defaults.MinWords };
        var maxWords = new Option<int>("--max-words") { Description = "Drop texts with more words.", DefaultValueFactory = _ => defaults.MaxWords };
        var similarity = new Option<double>("--similarity")
        {
            Description = "Drop texts whose word 5-grams agree with an earlier text's to this share (MinHash); 1: exact duplicates only.",
            DefaultValueFactory = _ => defaults.Similarity,
        };
        var language = new Option<string[]>("--language")
        {
            Description = $"Drop texts of other languages, recognised simply: {string.Join(", ", LanguageGuess.Known)}. Default: keep all.",
            AllowMultipleArgumentsPerToken = true,
        };
        var seed = CommonOptions.Seed();
        var command = new Command("clean", "Drop duplicates and unwanted texts from a corpus.") { files, output, report, minWords, maxWords, similarity, language, seed };
        command.SetAction(parse => Run(
            parse.GetRequiredValue(files),
            parse.GetRequiredValue(output),
            parse.GetValue(report),
            new CleaningConfig
            {
                Seed = parse.GetValue(seed),
                MinWords = parse.GetValue(minWords),
                MaxWords = parse.GetValue(maxWords),
                Similarity = parse.GetValue(similarity),
                Languages = parse.GetValue(language) ?? [],
            }));
        return command;
    }

    private static int Run(string[] files, string output, string? report, CleaningConfig config)
    {
        UserFault.ThrowIfAny("clean", config.Validate());
        var cleaner = new CorpusCleaner(config);
        var format = output.Contains(".txt", StringComparison.OrdinalIgnoreCase) ? DatasetFormat.Text : DatasetFormat.Named("language-modeling");
        DatasetWriter.Write(output, format, files.SelectMany(file => Kept(file, cleaner)));
        var reasons = Enum.GetValues<DropReason>().ToDictionary(r => JsonNamingPolicy.SnakeCaseLower.ConvertName(r.ToString()), r => cleaner.Dropped.Count(d => d.Reason == r));
        if (report is not null)
        {
            var dropped = cleaner.Dropped.Select(d => new { d.Source, d.Line, Reason = JsonNamingPolicy.SnakeCaseLower.ConvertName(d.Reason.ToString()), d.Detail });
            AtomicFile.Write(report, JsonSerializer.SerializeToUtf8Bytes(
                new { Config = config, cleaner.Kept, cleaner.KeptCharacters, cleaner.Characters, Reasons = reasons, Dropped = dropped }, Json));
        }

        var total = cleaner.Kept + cleaner.Dropped.Count;
        var table = new Table().RoundedBorder().AddColumn("texts").AddColumn(new TableColumn("count").RightAligned()).AddColumn(new TableColumn("share").RightAligned());
        foreach (var (name, count) in reasons.Prepend(new("kept", cleaner.Kept)))
        {
            table.AddRow(name, count.ToString("N0", CultureInfo.InvariantCulture), ((double)count / total).ToString("P1", CultureInfo.InvariantCulture));
        }

        AnsiConsole.Write(table);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"written: {output}, {cleaner.KeptCharacters:N0} of {cleaner.Characters:N0} characters"));
        return 0;
    }

    private static IEnumerable<DatasetRow> Kept(string file, CorpusCleaner cleaner)
    {
        using var reader = DatasetReader.Open(file);
        foreach (var row in reader.Rows())
        {
            if (row.Type != DatasetType.LanguageModeling)
            {
                throw new DatasetException($"{file}: {row.Source} rows are no corpus; a corpus has rows with \"text\".");
            }

            if (cleaner.Keep(row.SplitKey, file, row.Line))
            {
                yield return row;
            }
        }
    }
}
