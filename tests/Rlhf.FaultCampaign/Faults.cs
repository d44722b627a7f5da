using System.Diagnostics;
using Microsoft.EntityFrameworkCore;
using Rlhf.Contracts.Training;
using Rlhf.Numerics;

namespace Rlhf.FaultCampaign;

/// <summary>Does to the system what a kind of fault says, and undoes it: when a call returns, everything runs again that ran before.</summary>
internal sealed class Faults(CampaignSystem system)
{
    private static readonly TimeSpan s_longOutage = TimeSpan.FromMinutes(1);

    /// <summary>The kinds this machine can do, and why it cannot do the others.</summary>
    public static (IReadOnlyCollection<string> Available, IReadOnlyDictionary<string, string> NotAvailable) Kinds(DiskVolume disk)
    {
        var notAvailable = new Dictionary<string, string>();
        if (!disk.IsLimited)
        {
            notAvailable[FaultKinds.DiskFull] = "a tmpfs could not be mounted: that needs root";
        }

        if (FakeClock.Library is null)
        {
            notAvailable[FaultKinds.ClockJump] = "libfaketime is not installed: apt-get install faketime";
        }

        return ([.. FaultKinds.All.Select(k => k.Kind).Where(k => !notAvailable.ContainsKey(k))], notAvailable);
    }

    /// <summary>Injects one fault and lifts it.</summary>
    public async Task InjectAsync(PlannedFault fault, CancellationToken stop)
    {
        var random = new Philox(fault.Draw);
        switch (fault.Kind)
        {
            case FaultKinds.KillWeb:
                await KillAsync(system.Web, random, stop);
                break;
            case FaultKinds.KillTrainer:
                await KillAsync(random.Choose(system.Trainers), random, stop);
                break;
            case FaultKinds.KillRewardModel:
                await KillAsync(system.RewardModel, random, stop);
                break;
            case FaultKinds.KillBroker:
                await system.Broker.KillAsync();
                await WaitAsync(random, 0, 1000, stop);
                await system.Broker.StartAsync();
                break;
            case FaultKinds.KillDatabase:
                await system.Database.KillAsync();
                await WaitAsync(random, 0, 2000, stop);
                await system.Database.StartAsync();
                break;
            case FaultKinds.BrokerUnreachable:
                await CutAsync(system.BrokerNetwork, random, fault.IsLong ? s_longOutage : TimeSpan.FromMilliseconds(500 + random.Next(3000)), stop);
                break;
            case FaultKinds.DatabaseUnreachable:
                await CutAsync(system.DatabaseNetwork, random, TimeSpan.FromMilliseconds(500 + random.Next(4000)), stop);
                break;
            case FaultKinds.MessagesAgain:
                await system.Replayer.ReplayAsync(20 + random.Next(80), random);
                break;
            case FaultKinds.DiskFull:
                system.Disk.Fill();
                await WaitAsync(random, 1000, 3000, stop);
                system.Disk.Free();
                break;
            case FaultKinds.ClockJump:
                var clock = system.Clocks[random.Choose(system.Services).Name];
                clock.Set(TimeSpan.FromSeconds((10 + random.Next(50)) * (random.Chance(0.5) ? 1 : -1)));
                await WaitAsync(random, 2000, 3000, stop);
                clock.Set(TimeSpan.Zero);
                break;
            case FaultKinds.StaleWorker:
                await StallAsync(random, stop);
                break;
            default:
                throw new ArgumentException($"fault kind '{fault.Kind}' is unknown", nameof(fault));
        }
    }

    private static async Task KillAsync(ServiceProcess service, Philox random, CancellationToken stop)
    {
        await service.KillAsync();
        await WaitAsync(random, 0, 1500, stop);
        service.Start();
        await service.WaitUntilReadyAsync(stop);
    }

    private static async Task CutAsync(TcpProxy network, Philox random, TimeSpan length, CancellationToken stop)
    {
        if (random.Chance(0.5))
        {
            network.Refuse();
        }
        else
        {
            network.Stall();
        }

        await Task.Delay(length, stop);
        network.Restore();
    }

    // A worker that holds a run sleeps for longer than its lease; another goes on; then it wakes up and knows nothing of that.
    private async Task StallAsync(Philox random, CancellationToken stop)
    {
        var worker = await BusyWorkerAsync(stop) ?? random.Choose(system.Workers);
        worker.Stop();
        try
        {
            await WaitAsync(random, 4500, 2000, stop);
        }
        finally
        {
            worker.Continue();
        }
    }

    private async Task<ServiceProcess?> BusyWorkerAsync(CancellationToken stop)
    {
        var begun = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(begun) < TimeSpan.FromSeconds(5))
        {
            await using var db = system.Contexts.CreateDbContext();
            var owner = await db.Runs.Where(r => r.Status == RunStatuses.Running).Select(r => r.LeaseOwner).FirstOrDefaultAsync(stop);

            // The owner is machine/process id/a draw.
            if (owner?.Split('/') is [_, var id, ..] && system.Workers.FirstOrDefault(w => $"{w.ProcessId}" == id) is { } worker)
            {
                return worker;
            }

            await Task.Delay(50, stop);
        }

        return null;
    }

    private static Task WaitAsync(Philox random, int leastMs, int spreadMs, CancellationToken stop) => Task.Delay(leastMs + random.Next(spreadMs), stop);
}
