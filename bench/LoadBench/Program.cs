using System.CommandLine;
using System.Diagnostics;
using LoadBench;
using Rlhf.Bench;
using Rlhf.FaultCampaign;

var annotatorCount = new Option<int>("--annotators") { Description = "Annotators at the same time.", DefaultValueFactory = _ => 200 };
var minutes = new Option<double>("--minutes") { Description = "How long they label.", DefaultValueFactory = _ => 10 };
var withTrainer = new Option<bool>("--trainer") { Description = "A Trainer.Service consumes the messages; else a queue of the broker takes them." };
var command = new RootCommand("Labeling under load: the real site, PostgreSQL and RabbitMQ, annotators over the HTTP API.") { annotatorCount, minutes, withTrainer };
command.SetAction((parse, stop) => BenchAsync(parse.GetValue(annotatorCount), TimeSpan.FromMinutes(parse.GetValue(minutes)), parse.GetValue(withTrainer), stop));
return await command.Parse(args).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = TimeSpan.FromMinutes(1) });

static async Task<int> BenchAsync(int count, TimeSpan length, bool withTrainer, CancellationToken stop)
{
    var directory = Directory.CreateTempSubdirectory("rlhf-load-").FullName;
    await using var servers = await LoadServers.StartAsync(directory, withTrainer, stop);
    var project = new LoadProject(servers.Contexts);
    var annotators = new Annotators(servers.Web.Address, await project.CreateAsync(count));
    var echo = await Baselines.EchoAsync(servers.Web.Address, count, TimeSpan.FromSeconds(5));
    var commits = await Baselines.CommitsAsync(servers.ConnectionString, 32, TimeSpan.FromSeconds(5));

    using var end = CancellationTokenSource.CreateLinkedTokenSource(stop);
    var memory = new MemoryOfProcess(servers.Web.ProcessId);
    var begun = Stopwatch.GetTimestamp();
    var labeling = annotators.RunAsync(end.Token);
    var sampledAt = TimeSpan.Zero;
    while (Stopwatch.GetElapsedTime(begun) is var elapsed && elapsed < length && !stop.IsCancellationRequested)
    {
        await project.RefillAsync();
        if (elapsed >= sampledAt)
        {
            memory.Sample(elapsed.TotalMinutes);
            sampledAt += TimeSpan.FromSeconds(2);
        }

        await Task.Delay(200, CancellationToken.None);
    }

    await end.CancelAsync();
    await labeling;
    var seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds;
    var inDatabase = await project.JudgmentsAsync();
    var times = annotators.SubmitToNext.Order().ToArray();
    var table = new MarkdownTable("what", "value");
    table.Add($"judgments a second, {count} annotators", annotators.Stored / seconds);
    table.Add("submit to next, ms: median", Quantile(times, 0.5));
    table.Add("… 95 %", Quantile(times, 0.95));
    table.Add("… 99 %", Quantile(times, 0.99));
    table.Add("errors", annotators.Errors);
    table.Add("acknowledged, but not stored", annotators.Stored - inDatabase);
    table.Add("'none now' although thousands are open", annotators.Nothing);
    table.Add("memory of the site at the end, MiB", memory.Last);
    table.Add("… at its peak", memory.Peak);
    table.Add("… growth, MiB a minute, second half", memory.Slope());
    table.Add("requests a second to an address that does nothing, same clients", echo);
    table.Add("single-row commits a second of the database, 32 connections", commits);
    table.Print();
    Console.WriteLine($"{length.TotalMinutes:0.##} minutes; {(withTrainer ? "a Trainer.Service consumed the messages" : "no service consumed the messages")}; clients, site and servers on the same {Environment.ProcessorCount} processors.");
    foreach (var message in annotators.Messages)
    {
        Console.WriteLine("error: " + message);
    }

    Directory.Delete(directory, recursive: true);
    return annotators.Errors == 0 && annotators.Stored == inDatabase ? 0 : 1;
}

static double Quantile(double[] sorted, double quantile) => sorted.Length == 0 ? double.NaN : sorted[Math.Max(0, (int)Math.Ceiling(quantile * sorted.Length) - 1)];
