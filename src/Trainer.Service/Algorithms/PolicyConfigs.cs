using Rlhf.Contracts.Training;
using Rlhf.Training.Hyperparameters;
using Rlhf.Training.Offline;
using Trainer.Service.Algorithms.Online;
using Trainer.Service.Algorithms.Ppo;
using Trainer.Service.Algorithms.Preference;

namespace Trainer.Service.Algorithms;

/// <summary>The hyperparameters of policy runs, by kind.</summary>
internal static class PolicyConfigs
{
    /// <summary>Checks hyperparameters and writes them out whole, with the run's seed.</summary>
    /// <param name="kind">One of <see cref="RunKinds.PolicyAlgorithms"/>.</param>
    /// <param name="json">The method's hyperparameters; fields left out have their defaults.</param>
    /// <param name="seed">The run's seed.</param>
    /// <exception cref="HyperparametersException">With all faults.</exception>
    public static string Complete(string kind, string json, ulong seed) => kind switch
    {
        RunKinds.Ppo => HyperparametersJson.Write(HyperparametersJson.Read<PpoConfig>(json) with { Seed = seed }),
        RunKinds.Grpo => Online<GrpoConfig>(json, seed),
        RunKinds.Rloo => Online<RlooConfig>(json, seed),
        RunKinds.Reinforce => Online<ReinforceConfig>(json, seed),
        RunKinds.Raft => Online<RaftConfig>(json, seed),
        RunKinds.OnlineDpo => Online<OnlineDpoConfig>(json, seed),
        RunKinds.Kto => Offline<KtoConfig>(json, seed),
        RunKinds.Dpo => Offline<DpoConfig>(json, seed),
        RunKinds.Orpo => Offline<OrpoConfig>(json, seed),
        RunKinds.Simpo => Offline<SimpoConfig>(json, seed),
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "no algorithm of policy runs"),
    };

    private static string Online<T>(string json, ulong seed)
        where T : OnlineTrainingConfig, new() => HyperparametersJson.Write(HyperparametersJson.Read<T>(json) with { Seed = seed });

    private static string Offline<T>(string json, ulong seed)
        where T : OfflineTrainingConfig, new() => HyperparametersJson.Write(HyperparametersJson.Read<T>(json) with { Seed = seed });
}
