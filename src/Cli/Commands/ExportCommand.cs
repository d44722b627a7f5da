using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Rlhf.Modeling.Checkpoints;
using Rlhf.Modeling.Gguf;
using Rlhf.Modeling.Tokenization;
using Spectre.Console;
using static TorchSharp.torch;

namespace Rlhf.Cli.Commands;

/// <summary><c>rlhf export</c>: a model directory in another format or precision, for programs that are not this one.</summary>
internal static class ExportCommand
{
    private const string Gguf = "gguf", SafeTensors = "safetensors";

    /// <summary>llama.cpp's names of the types, in lower case as its converter has them in --outtype.</summary>
    private static readonly Dictionary<string, GgufType> Types = Enum.GetValues<GgufType>().ToDictionary(type => type.ToString().ToLowerInvariant());

    public static Command Create()
    {
        var model = CommonOptions.Model();
        var format = new Option<string>("--format") { Description = "gguf: one file for llama.cpp. safetensors: a Hugging Face model directory.", DefaultValueFactory = _ => Gguf };
        format.AcceptOnlyFromAmong(Gguf, SafeTensors);
        var type = new Option<string>("--type") { Description = "The type of the weights; q8_0 with gguf only.", DefaultValueFactory = _ => "f16" };
        type.AcceptOnlyFromAmong([.. Types.Keys]);
        var output = new Option<string>("--output") { Description = "The file (gguf) or directory (safetensors) to write; it appears complete or not at all.", Required = true };
        var maxShardSize = new Option<string>("--max-shard-size") { Description = "safetensors: the most weights in one file, in KB, MB or GB.", DefaultValueFactory = _ => "5GB" };
        var command = new Command("export", "Write a model directory in another format.") { model, format, type, output, maxShardSize };
        command.SetAction(parse => Run(
            parse.GetRequiredValue(model),
            parse.GetRequiredValue(format),
            Types[parse.GetRequiredValue(type)],
            parse.GetRequiredValue(output),
            Bytes(parse.GetRequiredValue(maxShardSize))));
        return command;
    }

    private static int Run(string directory, string format, GgufType type, string output, long maxShardSize)
    {
        if (format == SafeTensors && type == GgufType.Q8_0)
        {
            throw new UserException("--type q8_0 is a type of --format gguf; safetensors files hold f32, f16 and bf16.");
        }

        if (format == Gguf && Directory.Exists(output))
        {
            throw new UserException($"--output {output} is a directory; with --format gguf name a file.");
        }

        var tokenizer = Tokenizer.Load(directory);
        using var model = PretrainedModel.LoadCausal(directory);
        var watch = Stopwatch.StartNew();
        if (format == SafeTensors)
        {
            var dtype = type switch
            {
                GgufType.F16 => ScalarType.Float16,
                GgufType.BF16 => ScalarType.BFloat16,
                _ => ScalarType.Float32,
            };
            PretrainedModel.Save(model, tokenizer, output, dtype, maxShardSize);
            var bytes = Directory.EnumerateFiles(output).Sum(file => new FileInfo(file).Length);
            Report(output, model.named_parameters().Count(), bytes, watch);
            return 0;
        }

        var report = GgufExport.Write(model, tokenizer, output, type);
        Report(output, report.Tensors, report.Bytes, watch);
        foreach (var note in report.Notes)
        {
            Console.WriteLine($"note: {note}");
        }

        AnsiConsole.Write(TypesTable(output));
        return 0;
    }

    /// <summary>Sizes as transformers has them: KB, MB and GB are powers of 1000.</summary>
    private static long Bytes(string size)
    {
        var factor = size.Length > 2 ? size[^2..].ToUpperInvariant() switch { "KB" => 1_000L, "MB" => 1_000_000L, "GB" => 1_000_000_000L, _ => 0L } : 0L;
        return factor > 0 && int.TryParse(size[..^2], NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count > 0
            ? count * factor
            : throw new UserException($"--max-shard-size {size} must be a whole number with KB, MB or GB behind it, such as 5GB.");
    }

    private static void Report(string output, int tensors, long bytes, Stopwatch watch) => Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture, $"wrote {output}: {tensors} tensors, {bytes:N0} bytes in {watch.Elapsed.TotalSeconds:F1} s"));

    /// <summary>What the file holds, read back from it.</summary>
    private static Table TypesTable(string path)
    {
        using var file = GgufFile.Open(path);
        var table = new Table().RoundedBorder().AddColumn("type").AddColumn(new TableColumn("tensors").RightAligned()).AddColumn(new TableColumn("bytes").RightAligned());
        foreach (var group in file.Names.Select(file.Describe).GroupBy(tensor => tensor.Type).OrderByDescending(group => group.Sum(tensor => tensor.Bytes)))
        {
            table.AddRow(group.Key, group.Count().ToString(CultureInfo.InvariantCulture), group.Sum(tensor => tensor.Bytes).ToString("N0", CultureInfo.InvariantCulture));
        }

        return table;
    }
}
