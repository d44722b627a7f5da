using Microsoft.EntityFrameworkCore;
using Rlhf.Data.Lineage;
using Rlhf.TestServers;

namespace Rlhf.Data.Tests.Lineage;

public sealed class CheckpointLineageTests
{
    public static TheoryData<string> Providers => TestDatabase.Providers;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(Providers))]
    public async Task Ancestors_OfTheLastPolicy_AreAllItCameFromNearestFirst(string provider)
    {
        await using var database = await TestDatabase.CreateAsync(provider);
        var fixture = await LineageFixture.CreateAsync(database);
        await using var db = database.CreateDbContext();

        var steps = await CheckpointLineage.AncestorsAsync(db, fixture.Checkpoints["policy2"], Cancel);

        // policy2's run starts from policy1 against reward2, which grew on policy1; from there it is the same one cycle earlier.
        Assert.Equal(
            ["policy2 0", "policy1 1", "reward2 1", "base 2", "reward1 2"],
            steps.OrderBy(s => s.Distance).ThenBy(s => s.Checkpoint.Path, StringComparer.Ordinal).Select(s => $"{s.Checkpoint.Path} {s.Distance}"));
        Assert.Equal(steps.Select(s => s.Distance).Order(), steps.Select(s => s.Distance));
        Assert.All(steps, s => Assert.Equal(s.Checkpoint.RunId, s.Run?.Id));
        Assert.Null(steps[^1].Checkpoint.Path == "base" ? steps[^1].Run : steps[^2].Run);
        Assert.Empty(await CheckpointLineage.AncestorsAsync(db, Guid.CreateVersion7(), Cancel));
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public async Task Annotators_OfACheckpoint_AreThoseOfItAndItsAncestors(string provider)
    {
        await using var database = await TestDatabase.CreateAsync(provider);
        var fixture = await LineageFixture.CreateAsync(database);
        await using var db = database.CreateDbContext();
        await db.Judgments.Where(j => j.Id == fixture.Judgments["bob2"]).ExecuteUpdateAsync(set => set.SetProperty(j => j.RetractedAt, DateTimeOffset.UtcNow), Cancel);

        async Task<HashSet<LineageAnnotator>> OfAsync(string checkpoint) => [.. await CheckpointLineage.AnnotatorsAsync(db, fixture.Checkpoints[checkpoint], Cancel)];

        Assert.Equal([new(fixture.Bob, 2, 1), new(fixture.Ann, 1, 0), new(null, 1, 0)], await OfAsync("policy2"));
        Assert.Equal([new(fixture.Bob, 1, 0), new(fixture.Ann, 1, 0)], await OfAsync("policy1"));
        Assert.Equal([new(fixture.Cem, 1, 0)], await OfAsync("reward3"));
        Assert.Empty(await OfAsync("base"));
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public async Task Descendants_OfJudgmentsAndAnnotators_AreAllThatWasTrainedOnThem(string provider)
    {
        await using var database = await TestDatabase.CreateAsync(provider);
        var fixture = await LineageFixture.CreateAsync(database);
        await using var db = database.CreateDbContext();

        async Task<string[]> OfAsync(params string[] judgments) =>
            fixture.Names(await CheckpointLineage.DescendantsOfJudgmentsAsync(db, judgments.Select(j => fixture.Judgments[j]), Cancel));

        Assert.Equal(["policy1", "policy2", "reward1", "reward2"], await OfAsync("ann1"));
        Assert.Equal(["policy2", "reward2"], await OfAsync("imported"));
        Assert.Equal(["policy2", "reward2", "reward3"], await OfAsync("bob2", "cem1"));
        Assert.Empty(await OfAsync());
        Assert.Equal(["policy1", "policy2", "reward1", "reward2"], fixture.Names(await CheckpointLineage.DescendantsOfAnnotatorAsync(db, fixture.Project, fixture.Bob, Cancel)));
        Assert.Equal(["reward3"], fixture.Names(await CheckpointLineage.DescendantsOfAnnotatorAsync(db, fixture.Project, fixture.Cem, Cancel)));
        Assert.Empty(await CheckpointLineage.DescendantsOfAnnotatorAsync(db, Guid.CreateVersion7(), fixture.Cem, Cancel));
    }

    [Fact]
    public async Task Ancestors_RowsThatReferToEachOther_EndTheWalk()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var fixture = await LineageFixture.CreateAsync(database);
        await using var db = database.CreateDbContext();
        var (first, last) = (fixture.Checkpoints["base"], fixture.Checkpoints["policy2"]);
        await db.Checkpoints.Where(c => c.Id == first).ExecuteUpdateAsync(set => set.SetProperty(c => c.ParentId, last), Cancel);

        Assert.Equal(5, (await CheckpointLineage.AncestorsAsync(db, last, Cancel)).Count);
    }
}
