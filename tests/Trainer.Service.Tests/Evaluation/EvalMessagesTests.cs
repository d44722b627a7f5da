using Microsoft.EntityFrameworkCore;
using Rlhf.Contracts.Sampling;
using Rlhf.Contracts.Training;
using Rlhf.Data.Entities;

namespace Trainer.Service.Tests.Evaluation;

/// <summary>Every message of an evaluation, delivered twice to all that hear it in the trainer; no worker, so a run stays queued.</summary>
public sealed class EvalMessagesTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task StartRun_DeliveredTwice_OneRunWithTheProjectsConfigurationAndTheCommandsComparisons()
    {
        await using var host = await TrainerHost.StartAsync();
        await using (var db = host.Db())
        {
            await db.Projects.ExecuteUpdateAsync(set => set.SetProperty(p => p.EvaluationConfigJson, """{"limit":3,"blind_comparisons":1}"""), Stop);
        }

        var command = Command(host, blindComparisons: 2);

        await host.DeliverTwiceAsync(command, db => db.Runs.AnyAsync(Stop));

        await using var after = host.Db();
        var run = await after.Runs.SingleAsync(Stop);
        Assert.Equal((command.CommandId, RunKinds.Eval, RunStatuses.Queued, host.Project.PolicyCheckpointId), (run.Id, run.Kind, run.Status, run.PolicyCheckpointId));
        Assert.Contains("\"limit\":3", run.ConfigJson, StringComparison.Ordinal);
        Assert.Contains("\"blind_comparisons\":2", run.ConfigJson, StringComparison.Ordinal);
    }

    [Fact]
    public async Task CancelRun_DeliveredTwice_CancelsTheEvaluationOnce()
    {
        await using var host = await TrainerHost.StartAsync();
        var command = Command(host);
        await host.DeliverTwiceAsync(command, db => db.Runs.AnyAsync(Stop));

        await host.DeliverTwiceAsync(new CancelRun { RunId = command.CommandId }, db => db.Runs.AnyAsync(r => r.Status == RunStatuses.Cancelled, Stop));

        await using var after = host.Db();
        Assert.Equal((RunStatuses.Cancelled, 1L), await after.Runs.Select(r => ValueTuple.Create(r.Status, r.Version)).SingleAsync(Stop));
    }

    // The planner hears how evaluations end and that their answers are there; they belong to no cycle, so it does nothing.
    [Fact]
    public async Task WhatAnEvaluationSays_DeliveredTwice_MovesNoCycle()
    {
        await using var host = await TrainerHost.StartAsync();
        await host.SampledAsync();
        await host.JudgeAsync(3);
        var (run, project) = (Guid.CreateVersion7(), host.Project.Id);

        await TwiceAsync(new RunCompleted { RunId = run, ProjectId = project, Kind = RunKinds.Eval });
        await TwiceAsync(new RunFailed { RunId = run, ProjectId = project, Kind = RunKinds.Eval, Step = 1, Error = "disk full" });
        await TwiceAsync(new RunCancelled { RunId = run, ProjectId = project, Kind = RunKinds.Eval });
        await TwiceAsync(new CompletionsSampled { RunId = run, ProjectId = project, CheckpointId = host.Project.PolicyCheckpointId!.Value, Round = 1 });

        await using var after = host.Db();
        Assert.False(await after.Cycles.AnyAsync(Stop) || await after.CycleDecisions.AnyAsync(Stop));
        Assert.Empty(await after.FailedMessages.ToListAsync(Stop));

        async Task TwiceAsync<T>(T message)
            where T : class
        {
            var before = await CountAsync();
            await host.DeliverTwiceAsync(message, async db => await db.Inbox.CountAsync(Stop) > before);

            // The first delivery and the one under another name; the repeat leaves nothing.
            Assert.Equal(before + 2, await CountAsync());
        }

        async Task<int> CountAsync()
        {
            await using var db = host.Db();
            return await db.Inbox.CountAsync(Stop);
        }
    }

    private static StartRun Command(TrainerHost host, int? blindComparisons = null) => new()
    {
        CommandId = Guid.CreateVersion7(), ProjectId = host.Project.Id, Kind = RunKinds.Eval, Seed = 5, PolicyCheckpointId = host.Project.PolicyCheckpointId, BlindComparisons = blindComparisons,
    };
}
