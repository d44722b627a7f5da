using System.Security.Cryptography;
using System.Text;
using Microsoft.EntityFrameworkCore;
using Rlhf.Contracts.Sampling;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Data.Entities;
using Rlhf.Training.Runs;

namespace Trainer.Service.Cycles;

/// <summary>
/// Asks for the runs of a cycle. Everything a command says can be derived from rows, so a command that was lost is written again, with the
/// same id: the run it asks for exists once however often it is asked for.
/// </summary>
internal sealed class StageCommands(AppDbContext db)
{
    /// <summary>The run of a stage; null where it was not asked for yet.</summary>
    public static Guid? RunOf(Cycle cycle, string stage) => stage switch
    {
        CycleStatuses.RewardModel => cycle.RewardRunId,
        CycleStatuses.Ppo => cycle.PpoRunId,
        CycleStatuses.Sampling => cycle.SampleRunId,
        _ => throw new ArgumentOutOfRangeException(nameof(stage), stage, "not a stage"),
    };

    /// <summary>The stage whose run was asked for last: where a cycle stands, also one that failed and was resumed.</summary>
    public static string LatestStage(Cycle cycle) =>
        cycle.SampleRunId is not null ? CycleStatuses.Sampling : cycle.PpoRunId is not null ? CycleStatuses.Ppo : CycleStatuses.RewardModel;

    /// <summary>Asks for the run of a stage, under the id it has or a new one.</summary>
    public async Task AskAsync(Project project, Cycle cycle, string stage, CancellationToken stop)
    {
        var command = RunOf(cycle, stage) ?? Guid.CreateVersion7();
        switch (stage)
        {
            case CycleStatuses.RewardModel:
                cycle.RewardRunId = command;
                Start(project, cycle, RunKinds.RewardModel, command, reward: null);
                break;
            case CycleStatuses.Ppo:
                cycle.PpoRunId = command;
                Start(project, cycle, PolicyAlgorithm.KindOf(project.PpoConfigJson), command, await OutputAsync(cycle.RewardRunId, stop));
                break;
            default:
                cycle.SampleRunId = command;
                Sample(project, cycle.Id, command, await OutputAsync(cycle.PpoRunId, stop) ?? project.PolicyCheckpointId!.Value, RunSeed.Derive(project.Seed, cycle.Number, RunKinds.Sample));
                break;
        }
    }

    /// <summary>Asks for a project's first answers. The id follows from the project: they are sampled once whoever notices that they are missing.</summary>
    public void AskFirstAnswers(Project project, Guid policy) =>
        Sample(project, cycle: null, new Guid(SHA256.HashData(Encoding.UTF8.GetBytes($"{project.Id}/first-answers")).AsSpan(0, 16)), policy, RunSeed.Derive(project.Seed, 0, RunKinds.Sample));

    /// <summary>Asks for more answers of the current policy outside a cycle, with a seed no earlier run of the project had.</summary>
    public async Task AskMoreAnswersAsync(Project project, Guid policy, CancellationToken stop)
    {
        var earlier = await db.Runs.CountAsync(r => r.ProjectId == project.Id && r.Kind == RunKinds.Sample, stop);
        Sample(project, cycle: null, Guid.CreateVersion7(), policy, RunSeed.Derive(project.Seed, earlier, "more-answers"));
    }

    /// <summary>
    /// Asks for the evaluation of a cycle's new policy against the one it began with. It belongs to no cycle: nothing waits for it, and its failure stops nothing.
    /// The id follows from the run.
    /// </summary>
    public void AskEvaluation(Project project, Cycle cycle, Run run) => OutboxWriter.Add(db, new StartRun
    {
        CommandId = new Guid(SHA256.HashData(Encoding.UTF8.GetBytes($"{run.Id}/evaluation")).AsSpan(0, 16)),
        ProjectId = project.Id,
        Kind = RunKinds.Eval,
        Seed = RunSeed.Derive(project.Seed, cycle.Number, RunKinds.Eval),
        PolicyCheckpointId = run.OutputCheckpointId,
        BaselineCheckpointId = run.PolicyCheckpointId,
        RewardCheckpointId = run.RewardCheckpointId,
    });

    private void Start(Project project, Cycle cycle, string kind, Guid command, Guid? reward) => OutboxWriter.Add(db, new StartRun
    {
        CommandId = command,
        ProjectId = project.Id,
        CycleId = cycle.Id,
        Kind = kind,
        Seed = RunSeed.Derive(project.Seed, cycle.Number, kind),
        PolicyCheckpointId = cycle.PolicyCheckpointId ?? project.PolicyCheckpointId,
        RewardCheckpointId = reward,
    });

    private void Sample(Project project, Guid? cycle, Guid command, Guid checkpoint, long seed) => OutboxWriter.Add(db, new SampleCompletions
    {
        CommandId = command,
        ProjectId = project.Id,
        CycleId = cycle,
        CheckpointId = checkpoint,
        PromptCount = project.PromptsPerCycle,
        CompletionsPerPrompt = 2,
        Seed = seed,
    });

    private Task<Guid?> OutputAsync(Guid? run, CancellationToken stop) =>
        db.Runs.Where(r => r.Id == run).Select(r => r.OutputCheckpointId).SingleOrDefaultAsync(stop);
}
