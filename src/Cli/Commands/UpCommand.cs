using System.CommandLine;
using Labeling.Web.Features.Accounts;
using Rlhf.Cli.AllInOne;

namespace Rlhf.Cli.Commands;

/// <summary><c>rlhf up</c>: the whole system in one process, with a demo project to label.</summary>
internal static class UpCommand
{
    public static Command Create()
    {
        var data = CommonOptions.Data();
        var urls = new Option<string>("--urls") { Description = "Where the site listens.", DefaultValueFactory = _ => "http://127.0.0.1:5080" };
        var command = new Command("up", "Start labeling site, trainer and reward model in one process.") { data, urls };
        command.SetAction((parse, stop) => RunAsync(parse.GetRequiredValue(data), parse.GetRequiredValue(urls), stop));
        return command;
    }

    private static async Task<int> RunAsync(string data, string urls, CancellationToken stop)
    {
        var model = BaseModel.RequireDirectory();
        await using var system = await EmbeddedSystem.StartAsync(
            data,
            urls,
            quiet: true,
            async services =>
            {
                var (project, prompts) = DemoProjects.Interactive();
                await services.GetRequiredService<ProjectSeeder>().CreateAsync(project, prompts, model, stop);
            },
            stop);
        var address = system.Addresses[0];
        Console.WriteLine($"rlhf is up: {address}   (data in {Path.GetFullPath(data)}; Ctrl+C stops it, nothing is lost)");
        if (await system.Services.GetRequiredService<FirstAdministrator>().CreateSetupLinkAsync(new Uri(address), stop) is { } link)
        {
            Console.WriteLine($"First time: open this one-time link and choose a password for the first administrator:\n  {link}");
        }

        try
        {
            await Task.Delay(Timeout.Infinite, stop);
        }
        catch (OperationCanceledException)
        {
            Console.WriteLine("stopping…");
        }

        return 0;
    }
}
