using System.Collections.Frozen;
using Rlhf.Contracts.Labeling;
using Rlhf.Contracts.RewardModel;
using Rlhf.Contracts.Sampling;
using Rlhf.Contracts.Training;

namespace Rlhf.Contracts;

/// <summary>
/// The closed list of messages and their stable names. The name is stored with every outbox row and names the exchange,
/// so a type may be renamed or moved while messages of it are under way; the name may not change.
/// </summary>
public static class MessageTypes
{
    private static readonly (string Name, Type Type)[] s_entries =
    [
        ("labeling.prompts-imported", typeof(PromptsImported)),
        ("labeling.judgment-recorded", typeof(JudgmentRecorded)),
        ("labeling.demonstration-recorded", typeof(DemonstrationRecorded)),
        ("labeling.judgment-retracted", typeof(JudgmentRetracted)),
        ("labeling.judgments-retracted", typeof(JudgmentsRetracted)),
        ("training.start-run", typeof(StartRun)),
        ("training.cancel-run", typeof(CancelRun)),
        ("training.run-started", typeof(RunStarted)),
        ("training.run-progressed", typeof(RunProgressed)),
        ("training.run-completed", typeof(RunCompleted)),
        ("training.run-failed", typeof(RunFailed)),
        ("training.run-cancelled", typeof(RunCancelled)),
        ("training.checkpoint-published", typeof(CheckpointPublished)),
        ("training.checkpoint-retired", typeof(CheckpointRetired)),
        ("training.advance-cycle", typeof(AdvanceCycle)),
        ("training.roll-back-policy", typeof(RollBackPolicy)),
        ("sampling.sample-completions", typeof(SampleCompletions)),
        ("sampling.completions-sampled", typeof(CompletionsSampled)),
        ("reward-model.score-completions", typeof(ScoreCompletions)),
        ("reward-model.completions-scored", typeof(CompletionsScored)),
    ];

    private static readonly FrozenDictionary<string, Type> s_byName = s_entries.ToFrozenDictionary(e => e.Name, e => e.Type, StringComparer.Ordinal);

    private static readonly FrozenDictionary<Type, string> s_byType = s_entries.ToFrozenDictionary(e => e.Type, e => e.Name);

    /// <summary>Every message, by its stable name.</summary>
    public static IReadOnlyDictionary<string, Type> All => s_byName;

    /// <summary>The messages that ask for something: each has exactly one kind of consumer, and without it nothing happens.</summary>
    public static IReadOnlySet<Type> Commands { get; } = new HashSet<Type> { typeof(StartRun), typeof(CancelRun), typeof(SampleCompletions), typeof(ScoreCompletions), typeof(AdvanceCycle), typeof(RollBackPolicy) };

    /// <summary>Events that no service of this version listens to: a broker may drop them. Every other message waits until its queue exists.</summary>
    public static IReadOnlySet<Type> Unconsumed { get; } =
        new HashSet<Type> { typeof(DemonstrationRecorded), typeof(JudgmentRetracted), typeof(CompletionsScored) };

    /// <summary>The stable name of a message type.</summary>
    /// <exception cref="ArgumentException">The type is not a message of this assembly's list.</exception>
    public static string NameOf(Type type) =>
        s_byType.TryGetValue(type, out var name)
            ? name
            : throw new ArgumentException($"{type.FullName} is not a message: add it to {nameof(MessageTypes)}. Known: {string.Join(", ", s_byName.Keys.Order(StringComparer.Ordinal))}.", nameof(type));

    /// <summary>The message type of a stable name, or null where this version of the program knows none.</summary>
    public static Type? Find(string name) => s_byName.GetValueOrDefault(name);
}
