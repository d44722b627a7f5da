using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Rlhf.Modeling.Checkpoints;
using Rlhf.Modeling.Gguf;
using Rlhf.Modeling.Tokenization;
using Rlhf.Modeling.Transformer;
using Rlhf.Numerics;
using Rlhf.TaskFamilies;
using Rlhf.Training.Evaluation;
using Rlhf.Training.Evaluation.LanguageModeling;
using Spectre.Console;

namespace Rlhf.Cli.Commands;

/// <summary><c>rlhf quantize</c>: a finished checkpoint with shorter weights, and what that costs in perplexity. docs/guides/gguf.md</summary>
internal static class QuantizeCommand
{
    private static readonly EvaluationConfig Defaults = new();

    /// <summary>llama.cpp's names of the types that are shorter than single precision.</summary>
    private static readonly Dictionary<string, GgufType> Types =
        new[] { GgufType.Q8_0, GgufType.F16, GgufType.BF16 }.ToDictionary(type => type.ToString().ToLowerInvariant());

    public static Command Create()
    {
        var model = CommonOptions.Model();
        var output = new Option<string>("--output") { Description = "The GGUF file to write; it appears complete or not at all.", Required = true };
        var type = new Option<string>("--type") { Description = "The type of the matrices, as llama-quantize has it.", DefaultValueFactory = _ => "q8_0" };
        type.AcceptOnlyFromAmong([.. Types.Keys]);
        var dataset = new Option<string?>("--dataset")
        {
            Description = "Text whose perplexity is measured: a line, or a \"text\" of a .jsonl file, is a document. Default: documents as the base model learned from.",
        };
        var limit = new Option<int>("--limit") { Description = "The most documents measured.", DefaultValueFactory = _ => 1000 };
        var batchSize = new Option<int>("--batch-size") { Description = "Windows of text computed at a time.", DefaultValueFactory = _ => Defaults.BatchSize };
        var seed = CommonOptions.Seed();
        var json = CommonOptions.Json();
        var command = new Command("quantize", "Write a model directory with 8-bit weights, and measure the perplexity that costs.")
        {
            model, output, type, dataset, limit, batchSize, seed, json,
        };
        command.SetAction((parse, stop) =>
        {
            var request = new Request(
                parse.GetRequiredValue(model), parse.GetRequiredValue(output), Types[parse.GetRequiredValue(type)], parse.GetValue(limit), parse.GetValue(batchSize),
                parse.GetValue(seed));
            UserFault.ThrowIfAny("quantize", [
                .. request.Limit > 0 ? (string[])[] : [$"--limit is {request.Limit}; it must be positive."],
                .. request.BatchSize > 0 ? (string[])[] : [$"--batch-size is {request.BatchSize}; it must be positive."],
                .. Directory.Exists(request.Output) ? [$"--output {request.Output} is a directory; name a file."] : (string[])[],
            ]);
            var result = Run(request, Documents(parse.GetValue(dataset), request), stop);
            Print(result, request, parse.GetValue(json), parse.InvocationConfiguration.Output);
            return Task.FromResult(0);
        });
        return command;
    }

    private static Result Run(Request request, string[] documents, CancellationToken stop)
    {
        var tokenizer = Tokenizer.Load(request.Model);
        using var model = PretrainedModel.LoadCausal(request.Model);
        var before = Measure();
        if (before.Count == 0)
        {
            throw new UserException("the text whose perplexity is wanted has no token.");
        }

        var report = GgufExport.Write(model, tokenizer, request.Output, request.Type);
        GgufRounding.Apply(model, request.Type);
        return new Result(before, Measure(), Directory.EnumerateFiles(request.Model, "*.safetensors").Sum(file => new FileInfo(file).Length), report);

        IReadOnlyList<DocumentLikelihood> Measure()
        {
            try
            {
                return RollingLikelihood.Measure(model, tokenizer, documents, request.BatchSize, stop);
            }
            catch (ArgumentException exception)
            {
                throw new UserException($"{request.Model}: no perplexity can be measured: {exception.Message}");
            }
        }
    }

    private static string[] Documents(string? dataset, Request request) => dataset is null
        ? [.. CorpusGenerator.Documents(request.Seed).Take(Math.Min(request.Limit, Defaults.PerplexityDocuments))]
        : [.. TextFiles.Read(dataset).Where(document => !string.IsNullOrWhiteSpace(document)).Take(request.Limit)];

    private static void Print(Result result, Request request, bool json, TextWriter output)
    {
        var (before, after) = (PerToken(result.Before), PerToken(result.After));
        var ratio = Perplexity.Ratio(result.Before, result.After, request.Seed, Defaults.BootstrapIters);
        if (json)
        {
            output.WriteLine(JsonSerializer.Serialize(new
            {
                model = request.Model,
                output = request.Output,
                type = request.Type.ToString(),
                documents = result.Before.Count,
                tokens = result.Before.Sum(document => document.Tokens),
                perplexity = Values(before),
                quantizedPerplexity = Values(after),
                perplexityRatio = Values(ratio),
                bytes = result.Bytes,
                quantizedBytes = result.Report.Bytes,
                notes = result.Report.Notes,
            }));
            return;
        }

        var table = new Table().RoundedBorder().AddColumn("").AddColumn(new TableColumn("perplexity").RightAligned()).AddColumn(new TableColumn("bytes").RightAligned());
        table.AddRow(Markup.Escape(request.Model), Text(before), result.Bytes.ToString("N0", CultureInfo.InvariantCulture));
        table.AddRow(Markup.Escape(request.Output), Text(after), result.Report.Bytes.ToString("N0", CultureInfo.InvariantCulture));
        table.AddRow("ratio", Text(ratio), ((double)result.Report.Bytes / result.Bytes).ToString("F3", CultureInfo.InvariantCulture));
        AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(output) }).Write(table);
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{result.Before.Count} documents, {result.Before.Sum(document => document.Tokens):N0} tokens; 95 % intervals over documents"));
        foreach (var note in result.Report.Notes)
        {
            output.WriteLine($"note: {note}");
        }

        Interval PerToken(IReadOnlyList<DocumentLikelihood> documents) =>
            Perplexity.Measure(documents, request.Seed, Defaults.BootstrapIters)[0].Value;

        static double[] Values(Interval interval) => [interval.Value, interval.Low, interval.High];

        static string Text(Interval interval) => string.Create(CultureInfo.InvariantCulture, $"{interval.Value:F4} ({interval.Low:F4} to {interval.High:F4})");
    }

    private sealed record Request(string Model, string Output, GgufType Type, int Limit, int BatchSize, ulong Seed);

    private sealed record Result(IReadOnlyList<DocumentLikelihood> Before, IReadOnlyList<DocumentLikelihood> After, long Bytes, GgufExportReport Report);
}
