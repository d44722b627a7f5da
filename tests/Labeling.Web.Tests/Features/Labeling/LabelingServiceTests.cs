using Labeling.Web.Features.Labeling;
using Microsoft.EntityFrameworkCore;
using Rlhf.Contracts.Labeling;
using Rlhf.Data.Entities;

namespace Labeling.Web.Tests.Features.Labeling;

public sealed class LabelingServiceTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task ClaimNext_NewAnnotator_GetsTheFirstTaskWithBothAnswers()
    {
        using var database = new LabelingDatabase();
        var annotator = database.AddAnnotator();
        var tasks = database.AddTasks(2);

        var comparison = await Claim(database, annotator);

        Assert.NotNull(comparison);
        Assert.Equal(tasks[0], comparison.TaskId);
        Assert.Equal("prompt 0", comparison.Prompt);
        Assert.Equal(["A0", "B0"], new[] { comparison.First, comparison.Second }.Order());
        Assert.Equal(comparison.First == "A0" ? Choices.A : Choices.B, comparison.FirstChoice);
        Assert.Equal(comparison.Second == "A0" ? Choices.A : Choices.B, comparison.SecondChoice);
    }

    [Fact]
    public async Task ClaimNext_ClaimedBefore_GivesTheSameLeaseAgain()
    {
        using var database = new LabelingDatabase();
        var annotator = database.AddAnnotator();
        database.AddTasks(2);

        var first = await Claim(database, annotator);
        var again = await Claim(database, annotator);

        Assert.Equal(first, again);
    }

    [Fact]
    public async Task ClaimNext_HoldingOne_PrefetchesAnother()
    {
        using var database = new LabelingDatabase();
        var annotator = database.AddAnnotator();
        var tasks = database.AddTasks(2);
        var first = await Claim(database, annotator);

        var second = await database.Service.ClaimNextAsync(database.Project.Id, annotator, [first!.TaskId], Stop);

        Assert.Equal(tasks[1], second!.TaskId);
    }

    [Fact]
    public async Task ClaimNext_NewerRound_ComesFirst()
    {
        using var database = new LabelingDatabase();
        var annotator = database.AddAnnotator();
        database.AddTasks(1, round: 1);
        var newer = database.AddTasks(1, round: 2);

        Assert.Equal(newer[0], (await Claim(database, annotator))!.TaskId);
    }

    [Fact]
    public async Task ClaimNext_LeasedByAnother_IsNotHandedOut()
    {
        using var database = new LabelingDatabase();
        database.AddTasks(1);
        Assert.NotNull(await Claim(database, database.AddAnnotator()));

        Assert.Null(await Claim(database, database.AddAnnotator()));
    }

    [Fact]
    public async Task ClaimNext_LeaseOfAnotherExpired_IsHandedOut()
    {
        using var database = new LabelingDatabase();
        var tasks = database.AddTasks(1);
        await Claim(database, database.AddAnnotator());
        database.Time.Advance(LabelingService.LeaseDuration);

        Assert.Equal(tasks[0], (await Claim(database, database.AddAnnotator()))!.TaskId);
    }

    [Fact]
    public async Task ClaimNext_NoMember_IsRefused()
    {
        using var database = new LabelingDatabase();
        database.AddTasks(1);
        var stranger = database.AddAnnotator(member: false);

        await Assert.ThrowsAsync<UnauthorizedAccessException>(() => Claim(database, stranger));
        await Assert.ThrowsAsync<UnauthorizedAccessException>(() => database.Service.UndoAsync(database.Project.Id, stranger, Stop));
    }

    [Theory]
    [InlineData(AppRoles.Engineer)]
    [InlineData(AppRoles.Admin)]
    public async Task ClaimNext_RoleThatSeesEverything_NeedsNoMembership(string role)
    {
        using var database = new LabelingDatabase();
        database.AddTasks(1);

        Assert.NotNull(await Claim(database, database.AddUserInRole(role)));
    }

    [Fact]
    public async Task Submit_Leased_StoresJudgmentCountsAndAnnouncesIt()
    {
        using var database = new LabelingDatabase(heldOutFraction: 1);
        var annotator = database.AddAnnotator();
        var comparison = (await NewClaim(database, annotator))!;

        var result = await database.Service.SubmitAsync(annotator, comparison.LeaseToken, Choices.B, 1234, JudgmentSources.Simulated, cancellationToken: Stop);

        Assert.Equal(SubmitOutcome.Recorded, result.Outcome);
        var judgment = database.Read(db => db.Judgments.Single());
        Assert.Equal(result.JudgmentId, judgment.Id);
        Assert.Equal((Choices.B, 1234, JudgmentSources.Simulated, Splits.HeldOut), (judgment.Choice, judgment.DurationMs, judgment.Source, judgment.Split));
        Assert.Equal(comparison.PresentedSwapped, judgment.PresentedSwapped);
        Assert.Equal(annotator, judgment.AnnotatorId);
        var task = database.Read(db => db.ComparisonTasks.Single());
        Assert.Equal((1, ComparisonTaskStatuses.Done), (task.JudgmentCount, task.Status));
        Assert.Empty(database.Read(db => db.TaskLeases.ToList()));
        var message = database.Read(db => db.Outbox.Single());
        Assert.Contains(judgment.Id.ToString(), message.Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Submit_Twice_StoresOneJudgment()
    {
        using var database = new LabelingDatabase();
        var annotator = database.AddAnnotator();
        var comparison = (await NewClaim(database, annotator))!;

        var first = await Submit(database, annotator, comparison, Choices.A);
        var second = await Submit(database, annotator, comparison, Choices.B);

        Assert.Equal(SubmitOutcome.AlreadyRecorded, second.Outcome);
        Assert.Equal(first.JudgmentId, second.JudgmentId);
        Assert.Equal(Choices.A, database.Read(db => db.Judgments.Single().Choice));
        Assert.Equal(1, database.Read(db => db.Outbox.Count()));
    }

    [Fact]
    public async Task Submit_ManyTimesAtOnce_StoresOneJudgment()
    {
        using var database = new LabelingDatabase();
        var annotator = database.AddAnnotator();
        var comparison = (await NewClaim(database, annotator))!;

        var results = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => Submit(database, annotator, comparison, Choices.Tie))));

        Assert.All(results, r => Assert.True(r.IsStored));
        Assert.Single(results, r => r.Outcome == SubmitOutcome.Recorded);
        Assert.Equal(1, database.Read(db => db.Judgments.Count()));
        Assert.Equal(1, database.Read(db => db.ComparisonTasks.Single().JudgmentCount));
    }

    [Fact]
    public async Task Submit_ExpiredLease_IsRefused()
    {
        using var database = new LabelingDatabase();
        var annotator = database.AddAnnotator();
        var comparison = (await NewClaim(database, annotator))!;
        database.Time.Advance(LabelingService.LeaseDuration);

        Assert.Equal(SubmitOutcome.LeaseExpired, (await Submit(database, annotator, comparison, Choices.A)).Outcome);
        Assert.Empty(database.Read(db => db.Judgments.ToList()));
    }

    [Fact]
    public async Task Submit_RenewedLease_IsAccepted()
    {
        using var database = new LabelingDatabase();
        var annotator = database.AddAnnotator();
        var comparison = (await NewClaim(database, annotator))!;
        database.Time.Advance(LabelingService.LeaseDuration - TimeSpan.FromSeconds(1));
        Assert.True(await database.Service.RenewAsync(annotator, comparison.LeaseToken, Stop));
        database.Time.Advance(LabelingService.LeaseDuration - TimeSpan.FromSeconds(1));

        Assert.Equal(SubmitOutcome.Recorded, (await Submit(database, annotator, comparison, Choices.A)).Outcome);
    }

    [Fact]
    public async Task Renew_ExpiredOrForeign_IsRefused()
    {
        using var database = new LabelingDatabase();
        var annotator = database.AddAnnotator();
        var comparison = (await NewClaim(database, annotator))!;
        Assert.False(await database.Service.RenewAsync(database.AddAnnotator(), comparison.LeaseToken, Stop));
        database.Time.Advance(LabelingService.LeaseDuration);

        Assert.False(await database.Service.RenewAsync(annotator, comparison.LeaseToken, Stop));
    }

    [Fact]
    public async Task Submit_ForeignLease_IsRefusedBeforeAndAfterItsUse()
    {
        using var database = new LabelingDatabase();
        var owner = database.AddAnnotator();
        var thief = database.AddAnnotator();
        var comparison = (await NewClaim(database, owner))!;

        Assert.Equal(SubmitOutcome.ForeignLease, (await Submit(database, thief, comparison, Choices.A)).Outcome);
        await Submit(database, owner, comparison, Choices.B);
        Assert.Equal(SubmitOutcome.ForeignLease, (await Submit(database, thief, comparison, Choices.A)).Outcome);
        Assert.Equal(owner, database.Read(db => db.Judgments.Single().AnnotatorId));
    }

    [Fact]
    public async Task Submit_UnknownLease_IsRefused()
    {
        using var database = new LabelingDatabase();
        var result = await database.Service.SubmitAsync(database.AddAnnotator(), Guid.NewGuid(), Choices.A, 0, cancellationToken: Stop);
        Assert.Equal(SubmitOutcome.UnknownLease, result.Outcome);
    }

    [Fact]
    public async Task Submit_UnknownChoice_NamesTheLegalOnes()
    {
        using var database = new LabelingDatabase();
        var exception = await Assert.ThrowsAsync<ArgumentException>(
            () => database.Service.SubmitAsync(Guid.NewGuid(), Guid.NewGuid(), "left", 0, cancellationToken: Stop));
        Assert.Contains("legal values: a, b, tie", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ClaimNext_JudgedByThisAnnotator_IsNotHandedOutAgain()
    {
        using var database = new LabelingDatabase(judgmentsPerTask: 2);
        var annotator = database.AddAnnotator();
        await Submit(database, annotator, (await NewClaim(database, annotator))!, Choices.A);

        Assert.Null(await Claim(database, annotator));
        Assert.NotNull(await Claim(database, database.AddAnnotator()));
    }

    // Many annotators at once, on few tasks that want two judgments each: never more than two per task, and none is missing in the end.
    [Fact]
    public async Task ClaimAndSubmit_ManyAnnotatorsAtOnce_CollectsExactlyWhatIsWanted()
    {
        using var database = new LabelingDatabase(judgmentsPerTask: 2);
        database.AddTasks(6);
        var annotators = Enumerable.Range(0, 8).Select(_ => database.AddAnnotator()).ToList();

        await Task.WhenAll(annotators.Select(annotator => Task.Run(async () =>
        {
            while (await Claim(database, annotator) is { } comparison)
            {
                Assert.True(database.Read(db => db.TaskLeases.Count(l => l.TaskId == comparison.TaskId)) <= 2);
                Assert.Equal(SubmitOutcome.Recorded, (await Submit(database, annotator, comparison, Choices.A)).Outcome);
            }
        })));

        // Whoever found everything lent out has stopped; what came free afterwards is left for a last look.
        foreach (var annotator in annotators)
        {
            while (await Claim(database, annotator) is { } comparison)
            {
                await Submit(database, annotator, comparison, Choices.A);
            }
        }

        var counts = database.Read(db => db.Judgments.GroupBy(j => j.TaskId).Select(g => g.Count()).ToList());
        Assert.Equal(Enumerable.Repeat(2, 6), counts);
        Assert.All(database.Read(db => db.ComparisonTasks.ToList()), t => Assert.Equal((2, ComparisonTaskStatuses.Done), (t.JudgmentCount, t.Status)));
        Assert.Equal(12, database.Read(db => db.Outbox.Count()));
        Assert.Empty(database.Read(db => db.TaskLeases.ToList()));
    }

    // Slots 0 and 1 are lent; slot 1 is judged; the free place is one, whichever slot number it gets.
    [Fact]
    public async Task ClaimNext_AfterOneOfTwoWasJudged_LendsOnePlaceOnly()
    {
        using var database = new LabelingDatabase(judgmentsPerTask: 2);
        database.AddTasks(1);
        var first = database.AddAnnotator();
        var second = database.AddAnnotator();
        Assert.NotNull(await Claim(database, first));
        await Submit(database, second, (await Claim(database, second))!, Choices.A);

        Assert.Null(await Claim(database, database.AddAnnotator()));
    }

    [Fact]
    public async Task Skip_Leased_GoesToAnotherAndComesBackOnlyWhenAsked()
    {
        using var database = new LabelingDatabase();
        var annotator = database.AddAnnotator();
        var comparison = (await NewClaim(database, annotator))!;

        Assert.True(await database.Service.SkipAsync(annotator, comparison.LeaseToken, Stop));

        Assert.Null(await Claim(database, annotator));
        var other = database.AddAnnotator();
        var lent = (await Claim(database, other))!;
        await database.Service.SkipAsync(other, lent.LeaseToken, Stop);

        // Another page of the same annotator, such as a reloaded one, still knows of it; it can be asked for again from there.
        Assert.Equal(1, await database.Service.CountSkippedAsync(database.Project.Id, annotator, Stop));
        Assert.Equal(0, await database.Service.CountSkippedAsync(Guid.NewGuid(), annotator, Stop));
        database.Service.ServeSkippedAgain(database.Project.Id, annotator);
        Assert.Equal(0, await database.Service.CountSkippedAsync(database.Project.Id, annotator, Stop));
        Assert.Equal(comparison.TaskId, (await Claim(database, annotator))!.TaskId);
    }

    [Fact]
    public async Task Skip_ForeignLease_IsRefused()
    {
        using var database = new LabelingDatabase();
        var comparison = (await NewClaim(database, database.AddAnnotator()))!;

        Assert.False(await database.Service.SkipAsync(database.AddAnnotator(), comparison.LeaseToken, Stop));
        Assert.Equal(1, database.Read(db => db.TaskLeases.Count()));
    }

    [Fact]
    public async Task Undo_LastJudgment_RetractsItAndLendsTheTaskAgain()
    {
        using var database = new LabelingDatabase();
        var annotator = database.AddAnnotator();
        var comparison = (await NewClaim(database, annotator))!;
        var submitted = await Submit(database, annotator, comparison, Choices.A);

        var undone = await database.Service.UndoAsync(database.Project.Id, annotator, Stop);

        Assert.Equal(comparison.TaskId, undone!.TaskId);
        Assert.NotEqual(comparison.LeaseToken, undone.LeaseToken);
        Assert.Equal(comparison.PresentedSwapped, undone.PresentedSwapped);
        Assert.NotNull(database.Read(db => db.Judgments.Single().RetractedAt));
        Assert.Equal((0, ComparisonTaskStatuses.Open), database.Read(db => db.ComparisonTasks.Select(t => ValueTuple.Create(t.JudgmentCount, t.Status)).Single()));
        Assert.Contains(submitted.JudgmentId.ToString()!, database.Read(db => db.Outbox.OrderBy(m => m.Id).Last().Body), StringComparison.Ordinal);

        // The corrected judgment stands beside the retracted one.
        Assert.Equal(SubmitOutcome.Recorded, (await Submit(database, annotator, undone, Choices.B)).Outcome);
        Assert.Equal(Choices.B, database.Read(db => db.Judgments.Single(j => j.RetractedAt == null).Choice));
        Assert.Equal(2, database.Read(db => db.Judgments.Count()));
    }

    [Fact]
    public async Task Undo_AfterTheWindow_ChangesNothing()
    {
        using var database = new LabelingDatabase();
        var annotator = database.AddAnnotator();
        await Submit(database, annotator, (await NewClaim(database, annotator))!, Choices.A);
        database.Time.Advance(LabelingService.UndoWindow + TimeSpan.FromSeconds(1));

        Assert.Null(await database.Service.UndoAsync(database.Project.Id, annotator, Stop));
        Assert.Null(database.Read(db => db.Judgments.Single().RetractedAt));
    }

    [Fact]
    public async Task Undo_TakenByACycle_ChangesNothing()
    {
        using var database = new LabelingDatabase();
        var annotator = database.AddAnnotator();
        await Submit(database, annotator, (await NewClaim(database, annotator))!, Choices.A);
        database.Read(db =>
        {
            var cycle = new Cycle { ProjectId = database.Project.Id, Number = 1 };
            db.Cycles.Add(cycle);
            db.SaveChanges();
            return db.Judgments.ExecuteUpdate(set => set.SetProperty(j => j.CycleId, cycle.Id));
        });

        Assert.Null(await database.Service.UndoAsync(database.Project.Id, annotator, Stop));
        Assert.Null(database.Read(db => db.Judgments.Single().RetractedAt));
    }

    [Fact]
    public async Task Undo_SomebodyElsesJudgment_ChangesNothing()
    {
        using var database = new LabelingDatabase();
        var annotator = database.AddAnnotator();
        await Submit(database, annotator, (await NewClaim(database, annotator))!, Choices.A);

        Assert.Null(await database.Service.UndoAsync(database.Project.Id, database.AddAnnotator(), Stop));
    }

    private static Task<Comparison?> Claim(LabelingDatabase database, Guid annotator) =>
        database.Service.ClaimNextAsync(database.Project.Id, annotator, cancellationToken: Stop);

    private static Task<Comparison?> NewClaim(LabelingDatabase database, Guid annotator)
    {
        database.AddTasks(1);
        return Claim(database, annotator);
    }

    private static Task<SubmitResult> Submit(LabelingDatabase database, Guid annotator, Comparison comparison, string choice) =>
        database.Service.SubmitAsync(annotator, comparison.LeaseToken, choice, 1000, cancellationToken: Stop);
}
