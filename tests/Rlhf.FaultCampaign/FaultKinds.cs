namespace Rlhf.FaultCampaign;

/// <summary>What a campaign does to the system.</summary>
internal static class FaultKinds
{
    public const string KillWeb = "kill-web";
    public const string KillTrainer = "kill-trainer";
    public const string KillRewardModel = "kill-reward-model";
    public const string KillBroker = "kill-broker";
    public const string KillDatabase = "kill-database";
    public const string BrokerUnreachable = "broker-unreachable";
    public const string DatabaseUnreachable = "database-unreachable";
    public const string MessagesAgain = "messages-again";
    public const string DiskFull = "disk-full";
    public const string ClockJump = "clock-jump";
    public const string StaleWorker = "stale-worker";

    /// <summary>Every kind and how often it comes, relative to the others: what takes long to recover from comes seldom.</summary>
    public static IReadOnlyList<(string Kind, int Weight)> All { get; } =
    [
        (KillWeb, 2), (KillTrainer, 4), (KillRewardModel, 2), (KillBroker, 1), (KillDatabase, 2), (BrokerUnreachable, 1),
        (DatabaseUnreachable, 2), (MessagesAgain, 3), (DiskFull, 1), (ClockJump, 2), (StaleWorker, 2),
    ];
}
