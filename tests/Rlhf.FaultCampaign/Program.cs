using System.CommandLine;
using Rlhf.FaultCampaign;
using Spectre.Console;

var faults = new Option<int>("--faults") { Description = "Faults to inject.", DefaultValueFactory = _ => 200 };
faults.Validators.Add(result =>
{
    if (result.GetValueOrDefault<int>() is < 1 or > 100_000)
    {
        result.AddError("--faults must lie between 1 and 100000.");
    }
});
var seed = new Option<ulong>("--seed") { Description = "Decides which faults come when.", DefaultValueFactory = _ => 1 };
var report = new Option<string?>("--report") { Description = "File for the report as JSON." };
var command = new RootCommand("Runs the whole system under injected faults and checks that nothing was lost, doubled or changed.") { faults, seed, report };
command.SetAction(async (result, stop) =>
{
    var directory = Directory.CreateTempSubdirectory("rlhf-faults-").FullName;
    var options = new CampaignOptions(result.GetValue(faults), result.GetValue(seed), directory, result.GetValue(report));
    Console.WriteLine($"logs: {directory}");
    var clock = System.Diagnostics.Stopwatch.StartNew();
    try
    {
        var found = await Campaign.RunAsync(options, line => Console.WriteLine($"{clock.Elapsed:hh\\:mm\\:ss} {line}"), stop);

        // A log file has no width; the tables need this much.
        AnsiConsole.Profile.Width = Math.Max(AnsiConsole.Profile.Width, 120);
        found.Print(AnsiConsole.Console);
        if (options.ReportFile is { } file)
        {
            await File.WriteAllTextAsync(file, found.ToJson(), stop);
        }

        if (found.Violations.Count > 0)
        {
            return 1;
        }
    }
    catch (Exception exception) when (exception is not OperationCanceledException)
    {
        Console.WriteLine($"The campaign broke off: {exception}\nRepeat: {options.RepeatCommand}\nLogs: {directory}");
        return 1;
    }

    Directory.Delete(directory, recursive: true);
    return 0;
});

// Servers and services are ended in good order when the campaign is interrupted.
return await command.Parse(args).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = TimeSpan.FromMinutes(1) });
