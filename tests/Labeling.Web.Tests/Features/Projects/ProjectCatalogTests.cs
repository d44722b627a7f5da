using Labeling.Web.Features.Projects;
using Rlhf.Contracts.Labeling;
using Rlhf.Data.Entities;

namespace Labeling.Web.Tests.Features.Projects;

public sealed class ProjectCatalogTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Update_Valid_StoresTheSettings()
    {
        using var database = new LabelingDatabase();
        var catalog = new ProjectCatalog(database, database.Projects);
        var settings = ProjectSettings.Of(database.Read(db => db.Projects.Single()));
        settings.JudgmentsPerCycle = 7;

        Assert.Empty(await catalog.UpdateAsync(database.Project.Id, settings, Stop));
        Assert.Equal(7, database.Read(db => db.Projects.Single().JudgmentsPerCycle));
    }

    [Fact]
    public async Task Update_Invalid_StoresNothing()
    {
        using var database = new LabelingDatabase();
        var settings = ProjectSettings.Of(database.Project);
        settings.JudgmentsPerCycle = 0;

        Assert.Single(await new ProjectCatalog(database, database.Projects).UpdateAsync(database.Project.Id, settings, Stop));
        Assert.Equal(100, database.Read(db => db.Projects.Single().JudgmentsPerCycle));
    }

    [Fact]
    public async Task Update_OlderVersion_IsRefused()
    {
        using var database = new LabelingDatabase();
        var catalog = new ProjectCatalog(database, database.Projects);
        var mine = ProjectSettings.Of(database.Read(db => db.Projects.Single()));
        var theirs = ProjectSettings.Of(database.Read(db => db.Projects.Single()));
        theirs.JudgmentsPerCycle = 8;
        mine.JudgmentsPerCycle = 9;
        Assert.Empty(await catalog.UpdateAsync(database.Project.Id, theirs, Stop));

        Assert.Contains("Somebody else", Assert.Single(await catalog.UpdateAsync(database.Project.Id, mine, Stop)), StringComparison.Ordinal);
        Assert.Equal(8, database.Read(db => db.Projects.Single().JudgmentsPerCycle));
    }

    // Everything is judged while cycles start by hand: without a message nothing would ever start the cycle.
    [Fact]
    public async Task Update_WithUnusedJudgments_WakesThePlanner()
    {
        using var database = new LabelingDatabase();
        var catalog = new ProjectCatalog(database, database.Projects);
        database.AddTasks(1);
        var annotator = database.AddAnnotator();
        var comparison = await database.Service.ClaimNextAsync(database.Project.Id, annotator, cancellationToken: Stop);
        await database.Service.SubmitAsync(annotator, comparison!.LeaseToken, Choices.A, 0, cancellationToken: Stop);
        var before = database.Read(db => db.Outbox.Count());
        var settings = ProjectSettings.Of(database.Read(db => db.Projects.Single()));
        (settings.AutoCycle, settings.KlBudget, settings.HeldOutScoreGate) = (true, 8, -0.5);

        Assert.Empty(await catalog.UpdateAsync(database.Project.Id, settings, Stop));

        var project = database.Read(db => db.Projects.Single());
        Assert.Equal((true, 8.0, -0.5), (project.AutoCycle, project.KlBudget, project.HeldOutScoreGate));
        Assert.Equal(before + 1, database.Read(db => db.Outbox.Count()));
    }

    [Fact]
    public async Task Overview_UnknownSlug_IsNull()
    {
        using var database = new LabelingDatabase();
        Assert.Null(await new ProjectCatalog(database, database.Projects).OverviewAsync("nope", Stop));
        Assert.Equal(0, (await new ProjectCatalog(database, database.Projects).OverviewAsync("test", Stop))!.Card.Judgments);
    }
}
