namespace Rlhf.FaultCampaign.Tests;

[Trait("Category", "EndToEnd")]
public sealed class CampaignTests
{
    /// <summary>The short campaign: every kind of fault once. The long one runs by hand (README of Rlhf.FaultCampaign).</summary>
    [Fact]
    public async Task TwelveFaults_NothingIsLostDoubledOrChanged()
    {
        var directory = Directory.CreateTempSubdirectory("rlhf-faults-").FullName;
        var output = TestContext.Current.TestOutputHelper!;
        var report = await Campaign.RunAsync(new CampaignOptions(12, Seed: 1, directory, ReportFile: null), output.WriteLine, TestContext.Current.CancellationToken);
        output.WriteLine(report.ToJson());
        Assert.Empty(report.Violations);
        Directory.Delete(directory, recursive: true);
    }
}
