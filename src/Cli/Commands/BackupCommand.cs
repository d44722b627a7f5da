using System.CommandLine;
using System.Globalization;
using Rlhf.Cli.Backup;

namespace Rlhf.Cli.Commands;

/// <summary><c>rlhf backup</c> and <c>rlhf restore</c>: the data directory of <c>rlhf up</c>. A team's servers: tools/backup, docs/guides/operations.md.</summary>
internal static class BackupCommand
{
    public static Command CreateBackup()
    {
        var data = CommonOptions.Data();
        var to = new Option<string>("--to") { Description = "The folder to write; it appears complete or not at all.", Required = true };
        var command = new Command("backup", "Copy database, checkpoints, keys and unfinished runs, while rlhf up goes on.") { data, to };
        command.SetAction((parse, stop) =>
        {
            var (manifest, missing) = new DataBackup(Path.GetFullPath(parse.GetRequiredValue(data)), Path.GetFullPath(parse.GetRequiredValue(to))).Run(DateTimeOffset.UtcNow, stop);
            Console.WriteLine($"{Describe(manifest)} in {Path.GetFullPath(parse.GetRequiredValue(to))}");
            foreach (var sentence in missing)
            {
                Console.Error.WriteLine($"rlhf: not in the backup: {sentence}.");
            }

            return Task.FromResult(missing.Count == 0 ? 0 : 1);
        });
        return command;
    }

    public static Command CreateRestore()
    {
        var data = CommonOptions.Data();
        var from = new Option<string>("--from") { Description = "A folder that rlhf backup wrote.", Required = true };
        var command = new Command("restore", "Make a data directory of a backup, after comparing every byte with its manifest; the directory must be empty or missing.") { data, from };
        command.SetAction((parse, stop) =>
        {
            var manifest = new DataRestore(Path.GetFullPath(parse.GetRequiredValue(from)), Path.GetFullPath(parse.GetRequiredValue(data))).Run(stop);
            Console.WriteLine($"restored {Describe(manifest)} to {Path.GetFullPath(parse.GetRequiredValue(data))}");
            return Task.FromResult(0);
        });
        return command;
    }

    private static string Describe(BackupManifest manifest) => string.Create(
        CultureInfo.InvariantCulture,
        $"{manifest.Files.Count} files, {manifest.Files.Sum(file => file.Size) / 1e6:F1} MB, of {manifest.CreatedAt:u}, schema {manifest.Schema}");
}
