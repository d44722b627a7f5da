namespace Rlhf.FaultCampaign.Tests;

/// <summary>A short campaign: the whole system on real servers, every kind of fault once, against its undisturbed life.</summary>
public sealed class CampaignTests
{
    private const ulong Seed = 1;

    [Fact]
    public async Task EveryKindOfFaultOnce_EveryInvariantHolds()
    {
        var directory = Directory.CreateTempSubdirectory("rlhf-faults-").FullName;
        var options = new CampaignOptions(FaultKinds.All.Count, Seed, directory, ReportFile: null);
        var output = TestContext.Current.TestOutputHelper!;
        var report = await Campaign.RunAsync(options, output.WriteLine, TestContext.Current.CancellationToken);

        // The folder with every process's log stays after a failure.
        Assert.True(report.Violations.Count == 0, $"{string.Join('\n', report.Violations)}\nLogs: {directory}\nRepeat: {options.RepeatCommand}");
        Directory.Delete(directory, recursive: true);
    }
}
