using System.CommandLine;
using Rlhf.Datasets;

namespace Rlhf.Cli.Commands;

/// <summary><c>rlhf convert</c>: a data set in another format.</summary>
internal static class ConvertCommand
{
    public static Command Create()
    {
        var input = new Argument<string>("in") { Description = "The file to read: .json, .jsonl, .csv or .txt, each with .gz or without." };
        var output = new Argument<string>("out") { Description = "The file to write; its ending says how, and it appears complete or not at all." };
        var to = DatasetOptions.Format("--to");
        to.Description = $"The format to write. {string.Join(", ", DatasetFormat.All.Select(f => f.Name).Order(StringComparer.Ordinal))}.";
        to.Required = true;
        var format = DatasetOptions.Format();
        var command = new Command("convert", "Write a data set in another format.") { input, output, to, format };
        command.SetAction(parse =>
        {
            var source = parse.GetValue(format) is { } name ? DatasetFormat.Named(name) : null;
            var target = DatasetFormat.Named(parse.GetRequiredValue(to)!);
            using var reader = DatasetReader.Open(parse.GetRequiredValue(input), source);
            var left = new SortedSet<string>(StringComparer.Ordinal);
            var count = DatasetWriter.Write(parse.GetRequiredValue(output), target, reader.Rows().Select(row =>
            {
                if (row.Source != target)
                {
                    left.UnionWith(row.Extra.Select(column => column.Key).Take(20));
                }

                return row;
            }));
            Console.WriteLine($"{(source is null ? "detected" : "read as")}: {reader.Description}");
            if (left.Count > 0)
            {
                Console.WriteLine($"note: {target} has no place for {string.Join(", ", left.Take(20))}");
            }

            Console.WriteLine($"written: {parse.GetRequiredValue(output)} as {target}, {count:N0} rows");
            return 0;
        });
        return command;
    }
}
