using System.CommandLine;
using Microsoft.Extensions.Options;
using Rlhf.Hosting;
using Rlhf.Training.Publishing;

namespace Rlhf.Cli.Commands;

/// <summary><c>rlhf prune</c>: the pass over the checkpoint store that a trainer makes every hour, now, or only said.</summary>
internal static class PruneCommand
{
    public static Command Create()
    {
        var data = new Option<string?>("--data") { Description = "The data directory of rlhf up, which must not be running; without it the services' settings, from the environment." };
        var dryRun = new Option<bool>("--dry-run") { Description = "Remove nothing; say of every checkpoint whether its files would go, or why they stay." };
        var command = new Command("prune", "Remove the files of checkpoints that nobody needs any more (settings Checkpoints:KeepLast and Checkpoints:KeepDays).") { data, dryRun };
        command.SetAction((parse, stop) => RunAsync(parse.GetValue(data), parse.GetValue(dryRun), parse.InvocationConfiguration.Output, stop));
        return command;
    }

    private static async Task<int> RunAsync(string? data, bool dryRun, TextWriter output, CancellationToken stop)
    {
        var builder = Host.CreateApplicationBuilder();
        if (data is not null)
        {
            builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
            {
                ["Storage:DataDirectory"] = Path.GetFullPath(data),
                ["Database:Provider"] = DatabaseOptions.Sqlite,
            });
        }

        builder.AddRlhfDefaults();
        builder.Services.AddCheckpointRetention(builder.Configuration);
        using var host = builder.Build();
        var directory = host.Services.GetRequiredService<IOptions<StorageOptions>>().Value.DataPath;
        if (!Directory.Exists(directory))
        {
            throw new UserException($"There is no data directory {directory}.");
        }

        using var directoryLock = host.Services.GetRequiredService<IOptions<DatabaseOptions>>().Value.Provider == DatabaseOptions.Sqlite
            ? DataDirectoryLock.Acquire(directory)
            : null;
        await host.Services.GetRequiredService<DatabaseMigrator>().MigrateAsync(stop);
        var retention = host.Services.GetRequiredService<CheckpointRetention>();
        if (!dryRun)
        {
            await output.WriteLineAsync($"{await retention.ApplyAsync(stop)} checkpoints lost their files");
            return 0;
        }

        var plan = await retention.PlanAsync(stop);
        foreach (var decision in plan.OrderBy(d => d.Checkpoint.ProjectId).ThenBy(d => d.Checkpoint.Kind, StringComparer.Ordinal).ThenBy(d => d.Checkpoint.Version))
        {
            var what = decision.Removes ? "would be removed" : $"stays: {string.Join("; ", decision.KeptBecause)}";
            await output.WriteLineAsync($"{decision.Checkpoint.Kind} {decision.Checkpoint.Version} ({decision.Checkpoint.Id}) {what}");
        }

        await output.WriteLineAsync($"{plan.Count(d => d.Removes)} of {plan.Count} checkpoints would lose their files");
        return 0;
    }
}
