using Labeling.Web.Live;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Rlhf.Contracts.Sampling;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Data.Entities;

namespace Labeling.Web.Tests.Consumers;

public sealed class NewComparisonsConsumerTests(Site site) : IClassFixture<Site>
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task CompletionsSampled_DeliveredTwice_MakesEachComparisonOnceAndTellsThePages()
    {
        var project = await site.AddProjectAsync();

        // Three different texts make three pairs, equal texts (but for white space around them) none, and a single completion none.
        var run = await SampleAsync(project.Id, ["x", "y", "z"], ["same", " same "], ["alone"]);
        for (var delivery = 0; delivery < 2; delivery++)
        {
            await PublishAndWaitAsync(project.Id, run);
        }

        await using var db = await site.CreateDbContextAsync();
        var tasks = await db.ComparisonTasks.Where(t => t.ProjectId == project.Id).OrderBy(t => t.Sequence).ToListAsync(Stop);
        Assert.Equal([1L, 2L, 3L], tasks.Select(t => t.Sequence));
        Assert.All(tasks, t => Assert.Equal((4, ComparisonTaskStatuses.Open, 0), (t.Round, t.Status, t.JudgmentCount)));
        Assert.Empty(db.FailedMessages);
        var pairs = new List<string>();
        foreach (var task in tasks)
        {
            pairs.Add((await db.Completions.FindAsync([task.CompletionAId], Stop))!.Text + (await db.Completions.FindAsync([task.CompletionBId], Stop))!.Text);
        }

        Assert.Equal(["xy", "xz", "yz"], pairs);
    }

    [Fact]
    public async Task CompletionsSampled_SecondRound_ContinuesTheSequence()
    {
        var project = await site.AddProjectAsync();
        await PublishAndWaitAsync(project.Id, await SampleAsync(project.Id, ["a", "b"]));
        await PublishAndWaitAsync(project.Id, await SampleAsync(project.Id, ["c", "d"]));

        await using var db = await site.CreateDbContextAsync();
        Assert.Equal([1L, 2L], await db.ComparisonTasks.Where(t => t.ProjectId == project.Id).Select(t => t.Sequence).Order().ToListAsync(Stop));
    }

    [Fact]
    public async Task CompletionsSampled_PromptsOfAnotherProject_MakeNoComparison()
    {
        var project = await site.AddProjectAsync();
        var other = await site.AddProjectAsync();
        await PublishAndWaitAsync(project.Id, await SampleAsync(other.Id, ["a", "b"]));

        await using var db = await site.CreateDbContextAsync();
        Assert.False(await db.ComparisonTasks.AnyAsync(t => t.ProjectId == project.Id || t.ProjectId == other.Id, Stop));
    }

    [Fact]
    public async Task CompletionsSampled_OfAnEvaluationDeliveredTwice_MakesItsBlindComparisonsOnce()
    {
        var project = await site.AddProjectAsync();
        var run = await SampleAsync(project.Id, RunKinds.Eval, ["new", "old"], ["old 2", "new 2"], ["same", "same"]);
        await PublishAndWaitAsync(project.Id, run);
        await PublishAndWaitAsync(project.Id, run);

        await using var db = await site.CreateDbContextAsync();
        var tasks = await db.ComparisonTasks.Where(t => t.ProjectId == project.Id).OrderBy(t => t.Sequence).ToListAsync(Stop);
        Assert.Equal([(1L, run), (2L, run)], tasks.Select(t => (t.Sequence, t.EvaluationRunId!.Value)));
    }

    [Theory]
    [InlineData(RunKinds.Ppo)]
    [InlineData(RunKinds.Eval)]
    public async Task RunMessages_DeliveredTwice_OnlyWakeThePages(string kind)
    {
        var project = await site.AddProjectAsync();
        var runId = Guid.NewGuid();
        object[] messages =
        [
            new RunStarted { RunId = runId, ProjectId = project.Id, Kind = kind },
            new RunProgressed { RunId = runId, ProjectId = project.Id, Step = 1, TotalSteps = 2 },
            new RunFailed { RunId = runId, ProjectId = project.Id, Kind = kind, Step = 1, Error = "e" },
            new RunCancelled { RunId = runId, ProjectId = project.Id, Kind = kind },
            new RunCompleted { RunId = runId, ProjectId = project.Id, Kind = kind },
        ];
        foreach (var message in messages.Concat(messages))
        {
            var woken = new TaskCompletionSource();
            using var subscription = site.Services.GetRequiredService<RunNotifier>().Subscribe(runId, () =>
            {
                woken.TrySetResult();
                return Task.CompletedTask;
            });
            await PublishAsync(message);
            await woken.Task.WaitAsync(TimeSpan.FromSeconds(60), Stop);
        }

        await using var db = await site.CreateDbContextAsync();
        Assert.False(await db.Runs.AnyAsync(r => r.Id == runId, Stop));
    }

    private Task<Guid> SampleAsync(Guid projectId, params string[][] answers) => SampleAsync(projectId, RunKinds.Sample, answers);

    private async Task<Guid> SampleAsync(Guid projectId, string kind, params string[][] answers)
    {
        await using var db = await site.CreateDbContextAsync();
        var run = new Run { ProjectId = projectId, Kind = kind, CommandId = Guid.NewGuid() };
        db.Runs.Add(run);
        for (var i = 0; i < answers.Length; i++)
        {
            var prompt = new Prompt { ProjectId = projectId, Text = $"prompt {i}", ContentHash = Guid.NewGuid().ToString("N"), Sequence = i };
            db.Prompts.Add(prompt);
            db.Completions.AddRange(answers[i].Select((text, k) => new Completion { PromptId = prompt.Id, RunId = run.Id, Index = k, Text = text }));
        }

        await db.SaveChangesAsync(Stop);
        return run.Id;
    }

    private async Task PublishAndWaitAsync(Guid projectId, Guid runId)
    {
        var woken = new TaskCompletionSource();
        using var subscription = site.Services.GetRequiredService<ProjectNotifier>().Subscribe(projectId, () =>
        {
            woken.TrySetResult();
            return Task.CompletedTask;
        });
        await PublishAsync(new CompletionsSampled { RunId = runId, ProjectId = projectId, CheckpointId = Guid.NewGuid(), Round = 4 });
        await woken.Task.WaitAsync(TimeSpan.FromSeconds(60), Stop);
    }

    private async Task PublishAsync(object message)
    {
        await using var db = await site.CreateDbContextAsync();
        OutboxWriter.Add(db, message);
        await db.SaveChangesAsync(Stop);
    }
}
