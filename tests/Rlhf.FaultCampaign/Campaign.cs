using Rlhf.TestServers;

namespace Rlhf.FaultCampaign;

/// <summary>The system lives twice from the same seed: once under faults, once without, for as many cycles. Both must end in the same weights.</summary>
internal static class Campaign
{
    private const int DiskMegabytes = 512;

    /// <summary>Runs everything. The work directory stays if an invariant did not hold.</summary>
    /// <param name="options">Size and seed.</param>
    /// <param name="say">Is told what happens.</param>
    /// <param name="stop">Abandons it.</param>
    public static async Task<CampaignReport> RunAsync(CampaignOptions options, Action<string> say, CancellationToken stop)
    {
        Directory.CreateDirectory(options.WorkDirectory);
        await using var postgres = await PostgresCluster.CreateAsync();
        await using var broker = await RabbitMqServer.CreateAsync();
        await Task.WhenAll(postgres.StartAsync(), broker.StartAsync());
        using var disk = new DiskVolume(Path.Combine(options.WorkDirectory, "disk"), DiskMegabytes);
        var (available, notAvailable) = Faults.Kinds(disk);
        var faults = FaultSchedule.Draw(options.Faults, options.Seed, available);
        var model = RandomModel.Write(Path.Combine(options.WorkDirectory, "model"), options.Seed);

        var disturbed = await LiveAsync("disturbed", faults, cycles: null);
        say($"disturbed: {disturbed.Cycles} cycles in {disturbed.Seconds:F0} s; now the same without faults");
        var undisturbed = await LiveAsync("undisturbed", [], disturbed.Cycles);
        return new CampaignReport(options, faults, notAvailable, disturbed, undisturbed);

        async Task<RunOutcome> LiveAsync(string name, IReadOnlyList<PlannedFault> injected, int? cycles)
        {
            var directory = Path.Combine(options.WorkDirectory, name);
            await using var system = await CampaignSystem.StartAsync(name, directory, postgres, broker, disk, stop);
            return await new CampaignRun(system, options, directory, say).RunAsync(model, injected, cycles, stop);
        }
    }
}
