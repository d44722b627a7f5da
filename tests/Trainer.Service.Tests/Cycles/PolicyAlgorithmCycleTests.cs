using Microsoft.EntityFrameworkCore;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Data.Entities;
using Trainer.Service.Cycles;

namespace Trainer.Service.Tests.Cycles;

/// <summary>A project says which method makes its cycles' policies.</summary>
public sealed class PolicyAlgorithmCycleTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("{}", RunKinds.Ppo)]
    [InlineData("""{"algorithm": "grpo"}""", RunKinds.Grpo)]
    [InlineData("""{"algorithm": "dpo", "beta": 0.2}""", RunKinds.Dpo)]
    public async Task PolicyStage_AsksForARunOfTheProjectsAlgorithm(string config, string kind)
    {
        await using var database = await PlanningDatabase.CreateAsync("sqlite");
        var project = await database.AddProjectAsync(change: p => p.PpoConfigJson = config);
        await using (var db = database.Db())
        {
            await new StageCommands(db).AskAsync(project, new Cycle { ProjectId = project.Id, Number = 1 }, CycleStatuses.Ppo, Stop);
            await db.SaveChangesAsync(Stop);
        }

        Assert.Equal(kind, Assert.Single(await database.SentAsync<StartRun>()).Kind);
    }

    [Fact]
    public async Task StartRun_OfTheProjectsAlgorithm_IsQueuedWithItsHyperparameters_AndOfAnotherSetAside()
    {
        await using var host = await TrainerHost.StartAsync();
        var (dpo, grpo) = (Guid.CreateVersion7(), Guid.CreateVersion7());
        await using (var db = host.Db())
        {
            await db.Projects.ExecuteUpdateAsync(s => s.SetProperty(p => p.PpoConfigJson, """{"algorithm": "dpo", "beta": 0.25}"""), Stop);
            OutboxWriter.Add(db, new StartRun { CommandId = dpo, ProjectId = host.Project.Id, Kind = RunKinds.Dpo, Seed = 9 });
            OutboxWriter.Add(db, new StartRun { CommandId = grpo, ProjectId = host.Project.Id, Kind = RunKinds.Grpo, Seed = 9 });
            await db.SaveChangesAsync(Stop);
        }

        await host.WaitAsync(db => db.FailedMessages.AnyAsync(f => f.Error.Contains("algorithm is dpo by now"), Stop));
        await host.WaitAsync(db => db.Runs.AnyAsync(r => r.Id == dpo && r.Status == RunStatuses.Queued, Stop));
        await using var after = host.Db();
        var run = await after.Runs.SingleAsync(r => r.Id == dpo, Stop);
        Assert.Contains("\"seed\":9", run.ConfigJson, StringComparison.Ordinal);
        Assert.Contains("\"beta\":0.25", run.ConfigJson, StringComparison.Ordinal);
        Assert.DoesNotContain("algorithm", run.ConfigJson, StringComparison.Ordinal);
    }
}
