namespace Rlhf.FaultCampaign;

/// <summary>How large a campaign is and what it repeats.</summary>
/// <param name="Faults">Faults to inject.</param>
/// <param name="Seed">Decides which faults come when; the same seed gives the same ones.</param>
/// <param name="WorkDirectory">Holds the logs, the checkpoint store and the state of runs; made, and removed after a success.</param>
/// <param name="ReportFile">Where the report is written as JSON; null: nowhere.</param>
internal sealed record CampaignOptions(int Faults, ulong Seed, string WorkDirectory, string? ReportFile)
{
    /// <summary>The command that repeats this campaign.</summary>
    public string RepeatCommand => FormattableString.Invariant($"dotnet run -c Release --project tests/Rlhf.FaultCampaign -- --faults {Faults} --seed {Seed}");
}
