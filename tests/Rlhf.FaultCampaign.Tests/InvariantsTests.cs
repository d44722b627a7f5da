using Rlhf.Contracts.Labeling;
using Rlhf.Contracts.Training;
using Rlhf.Data.Entities;

namespace Rlhf.FaultCampaign.Tests;

/// <summary>Every check trips on the violation it is there for, and only then.</summary>
public sealed class InvariantsTests : IDisposable
{
    private static readonly Guid s_project = Guid.NewGuid();
    private readonly string _directory = Directory.CreateTempSubdirectory("rlhf-ledger-").FullName;
    private readonly Ledger _ledger;
    private readonly ComparisonTask _task = new() { ProjectId = s_project, PromptId = Guid.NewGuid(), CompletionAId = Guid.NewGuid(), CompletionBId = Guid.NewGuid(), JudgmentCount = 2 };
    private readonly List<Judgment> _judgments = [];

    public InvariantsTests()
    {
        _ledger = new Ledger(Path.Combine(_directory, "judgments.log"));
        for (var i = 0; i < 2; i++)
        {
            var judgment = Judgment();
            _judgments.Add(judgment);
            _ledger.Sending(judgment.LeaseToken!.Value, judgment.Choice);
            _ledger.Stored(judgment.LeaseToken.Value, judgment.Id, wasStoredBefore: false);
        }
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void Judgments_AllAsTheAnnotatorsKnow_NothingIsWrong() => Assert.Empty(Check());

    [Fact]
    public void Judgments_AcknowledgedOneIsGone()
    {
        _judgments.RemoveAt(1);
        _task.JudgmentCount = 1;
        Assert.Contains("is not in the database", Assert.Single(Check()), StringComparison.Ordinal);
    }

    [Fact]
    public void Judgments_AcknowledgedOneHasAnotherChoice()
    {
        _judgments[0].Choice = Choices.Tie;
        Assert.Contains("stored are", Assert.Single(Check()), StringComparison.Ordinal);
    }

    [Fact]
    public void Judgments_NobodySentOne_AndTheTaskHasTooMany()
    {
        _judgments.Add(Judgment());
        _task.JudgmentCount = 3;
        Assert.Collection(
            Check(),
            wrong => Assert.Contains("no annotator sent it", wrong, StringComparison.Ordinal),
            wrong => Assert.Contains("has 3 judgments", wrong, StringComparison.Ordinal));
    }

    [Fact]
    public void Judgments_StoredButNotAcknowledged_IsAllowed()
    {
        _judgments.RemoveAt(1);
        var unheard = Judgment();
        _judgments.Add(unheard);
        _ledger.Sending(unheard.LeaseToken!.Value, unheard.Choice);
        Assert.DoesNotContain(Check(), wrong => wrong.Contains(unheard.Id.ToString(), StringComparison.Ordinal));
    }

    [Fact]
    public void Judgments_LeaseUsedTwice_AndTheSameAnnotatorTwice()
    {
        _judgments[1].LeaseToken = _judgments[0].LeaseToken;
        _judgments[1].AnnotatorId = _judgments[0].AnnotatorId;
        var wrong = Check();
        Assert.Contains(wrong, w => w.Contains("has 2 judgments", StringComparison.Ordinal));
        Assert.Contains(wrong, w => w.Contains("judged twice by the same annotator", StringComparison.Ordinal));
    }

    [Fact]
    public void Judgments_CountOfTheTaskIsOff()
    {
        _task.JudgmentCount = 1;
        Assert.Contains("counts 1", Assert.Single(Check()), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("1,2,2")]
    [InlineData("1,3")]
    [InlineData("1,2")]
    public void Cycles_RepeatedOrMissingNumber(string numbers)
    {
        List<Cycle> cycles = [.. numbers.Split(',').Select(n => new Cycle { ProjectId = s_project, Number = int.Parse(n, System.Globalization.CultureInfo.InvariantCulture), Status = CycleStatuses.Completed })];
        Assert.Contains("expected 1 to 3", Invariants.Cycles(cycles, Used(cycles), 3).Single(), StringComparison.Ordinal);
    }

    [Fact]
    public void Cycles_NotComplete_OrOverOtherJudgments()
    {
        List<Cycle> cycles = [new() { ProjectId = s_project, Number = 1, Status = CycleStatuses.Failed }, new() { ProjectId = s_project, Number = 2, Status = CycleStatuses.Completed }];
        var judgments = Used(cycles).Skip(1).ToList();
        Assert.Empty(Invariants.Cycles([cycles[1]], judgments, 1).Skip(1));
        Assert.Single(Invariants.Cycles(cycles, Used(cycles), 2));
        cycles[0].Status = CycleStatuses.Completed;
        Assert.Contains("over 11 judgments", Invariants.Cycles(cycles, judgments, 2).Single(), StringComparison.Ordinal);
    }

    [Fact]
    public void Runs_NotCompleted_TwoCheckpoints_TwoInACycle()
    {
        var run = Run(RunKinds.Ppo, RunStatuses.Completed);
        Assert.Empty(Invariants.Runs([run], [Checkpoint(run)]));
        Assert.Contains("published 2", Invariants.Runs([run], [Checkpoint(run), Checkpoint(run)]).Single(), StringComparison.Ordinal);
        Assert.Contains("published 0", Invariants.Runs([run], []).Single(), StringComparison.Ordinal);
        var stopped = Run(RunKinds.Sample, RunStatuses.Running);
        Assert.Contains("is running", Invariants.Runs([stopped], []).Single(), StringComparison.Ordinal);
        var twice = Run(RunKinds.Ppo, RunStatuses.Completed);
        twice.CycleId = run.CycleId;
        Assert.Contains("has 2 runs of kind ppo", Invariants.Runs([run, twice], [Checkpoint(run), Checkpoint(twice)]).Single(), StringComparison.Ordinal);
    }

    [Fact]
    public void Completions_RoundIsShort()
    {
        var run = Run(RunKinds.Sample, RunStatuses.Completed);
        List<Completion> completions = [.. Enumerable.Range(0, 12).Select(i => new Completion { PromptId = Guid.NewGuid(), Text = "", RunId = run.Id, Index = i })];
        List<ComparisonTask> tasks = [.. completions.Chunk(2).Select(c => new ComparisonTask { ProjectId = s_project, PromptId = c[0].PromptId, CompletionAId = c[0].Id, CompletionBId = c[1].Id })];
        Assert.Empty(Invariants.Completions([run], completions, tasks));
        Assert.Contains("in 5 comparisons", Invariants.Completions([run], completions, tasks[1..]).Single(), StringComparison.Ordinal);
        Assert.Contains("has 24 completions", Invariants.Completions([run], [.. completions, .. completions.Select(c => new Completion { PromptId = c.PromptId, Text = "", RunId = run.Id })], tasks).Single(), StringComparison.Ordinal);
    }

    [Fact]
    public void Messages_LeftOrFailed()
    {
        Assert.Empty(Invariants.Messages(0, []));
        var failed = new FailedMessage { MessageId = Guid.NewGuid(), Endpoint = "run-completed", Type = "run-completed", Body = "{}", Error = "no" };
        Assert.Equal(2, Invariants.Messages(1, [failed]).Count());
    }

    [Fact]
    public void SameWeights_FirstDifferenceIsNamed()
    {
        Assert.Empty(Invariants.SameWeights(["a", "b"], ["a", "b"]));
        Assert.Contains("from checkpoint 2", Invariants.SameWeights(["a", "b", "c"], ["a", "x", "y"]).Single(), StringComparison.Ordinal);
        Assert.Contains("there are 1", Invariants.SameWeights(["a", "b"], ["a"]).Single(), StringComparison.Ordinal);
    }

    private List<string> Check() => [.. Invariants.Judgments(_judgments, _ledger), .. Invariants.Tasks(_judgments, [_task])];

    private Judgment Judgment() =>
        new() { TaskId = _task.Id, ProjectId = s_project, AnnotatorId = Guid.NewGuid(), Choice = Choices.A, LeaseToken = Guid.NewGuid() };

    private static List<Judgment> Used(IEnumerable<Cycle> cycles) => [.. cycles.SelectMany(c => Enumerable.Range(0, CampaignProject.JudgmentsPerCycle)
        .Select(_ => new Judgment { TaskId = Guid.NewGuid(), ProjectId = s_project, Choice = Choices.A, CycleId = c.Id }))];

    private static Run Run(string kind, string status) => new() { ProjectId = s_project, Kind = kind, CommandId = Guid.NewGuid(), CycleId = Guid.NewGuid(), Status = status };

    private static Checkpoint Checkpoint(Run run) => new() { ProjectId = s_project, Kind = CheckpointKinds.Policy, Path = "x", ContentHash = "x", RunId = run.Id };
}
