using Rlhf.Contracts.Labeling;
using Rlhf.Contracts.RewardModel;
using Rlhf.Contracts.Sampling;
using Rlhf.Contracts.Training;

namespace Rlhf.Data;

/// <summary>
/// What a message is about: messages of one aggregate are delivered in the order they were written. Labels and what is asked of the planner belong to
/// their project, because the planner counts per project; what happens to a run belongs to the run; a command that makes something belongs to itself.
/// </summary>
public static class MessageAggregates
{
    /// <summary>The id of a message's aggregate.</summary>
    /// <exception cref="ArgumentException">Nobody has said yet what messages of this type are about.</exception>
    public static Guid Of(object message) => message switch
    {
        PromptsImported m => m.ProjectId,
        JudgmentRecorded m => m.ProjectId,
        JudgmentRetracted m => m.ProjectId,
        JudgmentsRetracted m => m.ProjectId,
        DemonstrationRecorded m => m.ProjectId,
        AdvanceCycle m => m.ProjectId,
        RollBackPolicy m => m.ProjectId,
        StartRun m => m.CommandId,
        CancelRun m => m.RunId,
        RunStarted m => m.RunId,
        RunProgressed m => m.RunId,
        RunCompleted m => m.RunId,
        RunFailed m => m.RunId,
        RunCancelled m => m.RunId,
        CheckpointPublished m => m.CheckpointId,
        CheckpointRetired m => m.CheckpointId,
        SampleCompletions m => m.CommandId,
        CompletionsSampled m => m.RunId,
        ScoreCompletions m => m.CommandId,
        CompletionsScored m => m.CommandId,
        _ => throw new ArgumentException($"{message?.GetType().FullName} has no aggregate: add it to {nameof(MessageAggregates)}.", nameof(message)),
    };
}
