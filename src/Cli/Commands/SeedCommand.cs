using System.CommandLine;
using Microsoft.Extensions.Options;
using Rlhf.Cli.AllInOne;
using Rlhf.Hosting;
using Rlhf.Training.Publishing;

namespace Rlhf.Cli.Commands;

/// <summary><c>rlhf seed</c>: the demo project for services that run by themselves; <c>rlhf up</c> makes it by itself.</summary>
internal static class SeedCommand
{
    public static Command Create()
    {
        var command = new Command("seed", "Create the demo project in the database and checkpoint store of a team's services; settings as theirs, from the environment.");
        command.SetAction((_, stop) => RunAsync(stop));
        return command;
    }

    private static async Task<int> RunAsync(CancellationToken stop)
    {
        var model = BaseModel.RequireDirectory();
        var builder = Host.CreateApplicationBuilder();
        builder.AddRlhfDefaults();
        builder.Services.AddSingleton<CheckpointStore>();
        builder.Services.AddSingleton<ProjectSeeder>();
        using var host = builder.Build();
        using var directoryLock = host.Services.GetRequiredService<IOptions<DatabaseOptions>>().Value.Provider == DatabaseOptions.Sqlite
            ? DataDirectoryLock.Acquire(host.Services.GetRequiredService<IOptions<StorageOptions>>().Value.DataPath)
            : null;
        await host.Services.GetRequiredService<DatabaseMigrator>().MigrateAsync(stop);
        var (project, prompts) = DemoProjects.Interactive();
        await host.Services.GetRequiredService<ProjectSeeder>().CreateAsync(project, prompts, model, stop);
        Console.WriteLine($"the demo project is there: /projects/{project.Slug}");
        return 0;
    }
}
