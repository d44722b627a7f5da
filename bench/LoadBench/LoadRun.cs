using System.Diagnostics;
using System.Globalization;
using Rlhf.Bench;

namespace LoadBench;

/// <summary>One measurement: the baselines, the annotators as fast as they are served, then at the pace of people; one table.</summary>
internal sealed class LoadRun(int count, TimeSpan think, TimeSpan saturated, TimeSpan length, bool withTrainer)
{
    /// <summary>Runs it. The exit code is 1 if an answer was an error or an acknowledged judgment is not stored.</summary>
    public async Task<int> RunAsync(CancellationToken stop)
    {
        var directory = Directory.CreateTempSubdirectory("rlhf-load-").FullName;
        try
        {
            await using var servers = await LoadServers.StartAsync(directory, withTrainer, stop);
            return await MeasureAsync(servers, stop);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private async Task<int> MeasureAsync(LoadServers servers, CancellationToken stop)
    {
        var project = new LoadProject(servers.Contexts);
        var keys = await project.CreateAsync(count);
        var echo = await Baselines.EchoAsync(servers.Web.Address, count, TimeSpan.FromSeconds(5));
        var commits = await Baselines.CommitsAsync(servers.ConnectionString, 32, TimeSpan.FromSeconds(5));
        var memory = new MemoryOfProcess(servers.Web.ProcessId);
        var (fast, fastRate) = await LabelAsync(new Annotators(servers.Web.Address, keys, TimeSpan.Zero), project, saturated, null, stop);
        var (paced, pacedRate) = await LabelAsync(new Annotators(servers.Web.Address, keys, think), project, length, memory, stop);

        var waiting = await project.WaitingMessagesAsync();
        var lost = fast.Stored + paced.Stored - await project.JudgmentsAsync();
        var table = new MarkdownTable("what", "as fast as they are served", string.Create(CultureInfo.InvariantCulture, $"{think.TotalSeconds:0.##} s to think"));
        table.Add($"judgments a second, {count} annotators", fastRate, pacedRate);
        table.Add("submit to next, ms: median", Quantile(fast, 0.5), Quantile(paced, 0.5));
        table.Add("… 95 %", Quantile(fast, 0.95), Quantile(paced, 0.95));
        table.Add("… 99 %", Quantile(fast, 0.99), Quantile(paced, 0.99));
        table.Add("errors", fast.Errors, paced.Errors);
        table.Add("'none now' although thousands are open", fast.Nothing, paced.Nothing);
        table.Add("acknowledged, but not stored", "", lost);
        table.Add("messages that wait in the outbox at the end", "", waiting);
        table.Add("memory of the site at the end, MiB", "", memory.Last);
        table.Add("… at its peak", "", memory.Peak);
        table.Add("… growth, MiB a minute, second half", "", memory.Slope());
        table.Add("requests a second to an address that does nothing, same clients", "", echo);
        table.Add("single-row commits a second of the database, 32 connections", "", commits);
        table.Print();
        Console.WriteLine($"{saturated.TotalMinutes:0.##} and {length.TotalMinutes:0.##} minutes; {(withTrainer ? "a Trainer.Service consumed the messages" : "no service consumed the messages")}; clients, site and servers on the same {Environment.ProcessorCount} processors.");
        foreach (var message in fast.Messages.Concat(paced.Messages))
        {
            Console.WriteLine("error: " + message);
        }

        return fast.Errors + paced.Errors == 0 && lost == 0 && !stop.IsCancellationRequested ? 0 : 1;
    }

    private static async Task<(Annotators Annotators, double Rate)> LabelAsync(
        Annotators annotators, LoadProject project, TimeSpan length, MemoryOfProcess? memory, CancellationToken stop)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var begun = Stopwatch.GetTimestamp();
        var labeling = annotators.RunAsync(end.Token);
        var sampledAt = TimeSpan.Zero;
        while (Stopwatch.GetElapsedTime(begun) is var elapsed && elapsed < length && !stop.IsCancellationRequested)
        {
            await project.RefillAsync();
            if (elapsed >= sampledAt)
            {
                memory?.Sample(elapsed.TotalMinutes);
                sampledAt += TimeSpan.FromSeconds(2);
            }

            await Task.Delay(200, CancellationToken.None);
        }

        var rate = annotators.Stored / Stopwatch.GetElapsedTime(begun).TotalSeconds;
        await end.CancelAsync();
        await labeling;
        return (annotators, rate);
    }

    private static double Quantile(Annotators annotators, double quantile)
    {
        var sorted = annotators.SubmitToNext.Order().ToArray();
        return sorted.Length == 0 ? double.NaN : sorted[Math.Max(0, (int)Math.Ceiling(quantile * sorted.Length) - 1)];
    }
}
