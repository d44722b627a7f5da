using Labeling.Web.Components.Pages.Evaluations;
using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.DependencyInjection;
using Rlhf.Contracts.Training;
using Rlhf.Data.Entities;

namespace Labeling.Web.Tests.Features.Evaluations;

/// <summary>The evaluations page with its buttons; who may open it is tested on the site.</summary>
public sealed class EvaluationsPageTests : IDisposable
{
    private readonly LabelingDatabase _database = new();

    public void Dispose() => _database.Dispose();

    [Fact]
    public async Task Results_OfEveryVersion_StandSideBySide()
    {
        var (first, second) = _database.AddPolicies();
        _database.AddResult(first, null, "sum", "zero-shot", "pass_rate", 0.25, count: 8);
        _database.AddResult(second, null, "sum", "zero-shot", "pass_rate", 0.1, count: 8);
        _database.AddResult(second, null, "sum", "zero-shot", "pass_rate", 0.5, count: 8, hour: 1);
        _database.AddEvaluation(second, first, 0.75, hour: 2);
        await using var services = Services();
        await using var page = await OpenAsync(services);

        Assert.Equal(
            [
                "Task | Variant | Metric | policy v1 | policy v0",
                "sum | zero-shot | pass_rate | 0.500 0.000 – 1.000 (8) | 0.250 0.000 – 1.000 (8)",
                "win_rate | checker, against v0 | win_rate | 0.750 0.000 – 1.000 (20) | –",
            ],
            page.Rows("results"));
        Assert.Equal(["projects/test/evaluations.csv", "projects/test/evaluations.json"], new[] { "export-csv", "export-json" }.Select(id => (string?)page.Find(id).Attribute("href")));
        Assert.Equal(5, page.Rows("runs").Count());
    }

    [Theory]
    [InlineData("", "checker", true)]
    [InlineData("?judge=checker", "checker", true)]
    [InlineData("?judge=human", "human", false)]
    [InlineData("?judge=nobody", "checker", true)]
    public async Task Leaderboard_JudgeOfTheAddress_RanksBestFirst(string query, string judge, bool hasGames)
    {
        var (first, second) = _database.AddPolicies();
        _database.AddEvaluation(second, first, 0.75, hour: 0);
        await using var services = Services(query: query);
        await using var page = await OpenAsync(services);

        Assert.Equal(judge, Assert.Single(page.Content.Descendants("a"), a => (string?)a.Attribute("aria-current") == "true").Value);
        Assert.Equal((hasGames, !hasGames), (page.Has("leaderboard"), page.Has("no-leaderboard")));
        if (hasGames)
        {
            var places = page.Rows("leaderboard").Skip(1).Select(row => row.Split(" | ")).ToArray();
            Assert.Equal(["1 policy v1 20", "2 policy v0 20"], places.Select(cells => $"{cells[0]} {cells[1]} {cells[^1]}"));

            // One drawn game each against an opponent of 1000: the two ratings lie as far from it on either side.
            Assert.Equal(2000, places.Sum(cells => int.Parse(cells[3], System.Globalization.CultureInfo.InvariantCulture)));
        }
    }

    [Fact]
    public async Task Evaluate_WithFaults_ShowsAllOfThemAndSendsNothing_UntilTheyAreGone()
    {
        var (first, second) = _database.AddPolicies();
        await using var services = Services();
        await using var page = await OpenAsync(services);
        Assert.Equal(["policy v1", "policy v0"], page.Find("checkpoint").Elements("option").Select(o => o.Value));

        await page.ChangeAsync("baseline", $"{second}");
        await page.ChangeAsync("blind", "10001");
        await page.ClickAsync("evaluate");

        Assert.Equal(
            [
                "A policy cannot be compared with itself: choose another, or none.",
                "Blind comparisons are 10001; they must be from 0 to 10000.",
                "Blind comparisons are made on held-out prompts, and the project has none.",
            ],
            Alerts(page));
        Assert.False(page.Has("note"));
        Assert.Equal(0, Sent());

        // A number that is none is not taken; an empty field asks for the project's own.
        await page.ChangeAsync("blind", "many");
        Assert.Equal("10001", (string?)page.Find("blind").Attribute("value"));
        await page.ChangeAsync("blind", "");
        await page.ChangeAsync("baseline", $"{first}");
        await page.ClickAsync("evaluate");

        Assert.Empty(Alerts(page));
        Assert.StartsWith("Asked for.", page.Find("note").Value, StringComparison.Ordinal);
        var command = _database.Read(db => db.Outbox.Single().Body);
        Assert.Contains($"\"policyCheckpointId\":\"{second}\"", command, StringComparison.Ordinal);
        Assert.Contains($"\"baselineCheckpointId\":\"{first}\"", command, StringComparison.Ordinal);
        Assert.DoesNotContain("10001", command, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Evaluate_CheckpointRetiredMeanwhile_IsRefused()
    {
        var (_, second) = _database.AddPolicies();
        await using var services = Services();
        await using var page = await OpenAsync(services);
        await using (var db = _database.CreateDbContext())
        {
            (await db.Checkpoints.FindAsync([second], TestContext.Current.CancellationToken))!.RetiredAt = _database.Time.GetUtcNow();
            await db.SaveChangesAsync(TestContext.Current.CancellationToken);
        }

        await page.ClickAsync("evaluate");

        Assert.Equal(["The checkpoint is no policy of this project, or it is retired, or its files are gone."], Alerts(page));
        Assert.Equal(0, Sent());
    }

    [Fact]
    public async Task Evaluate_ByAnAnnotator_DoesNothing()
    {
        _database.AddPolicies();
        await using var services = Services(AppRoles.Annotator);
        await using var page = await OpenAsync(services);

        await page.ClickAsync("evaluate");

        Assert.False(page.Has("note"));
        Assert.Equal(0, Sent());
    }

    [Fact]
    public async Task Page_WithNothing_SaysSo_AndShowsWhatComesByItself()
    {
        await using var services = Services();
        await using var page = await OpenAsync(services);
        Assert.Contains("The project has no policy whose files are there.", page.Content.Value, StringComparison.Ordinal);
        Assert.True(page.Has("no-results") && page.Has("no-leaderboard") && !page.Has("export-csv") && !page.Has("evaluate"));

        var (first, second) = _database.AddPolicies();
        _database.AddEvaluation(second, first, 0.75, hour: 0);
        _database.Projects.Changed(_database.Project.Id);

        await page.WaitAsync(() => page.Has("results") && page.Has("leaderboard") && page.Has("evaluate"));
    }

    [Fact]
    public async Task Page_UnknownProject_IsNotFound()
    {
        await using var services = Services();
        await using var page = new ComponentRenderer(services);
        await page.RenderAsync<EvaluationsPage>(("Slug", "no-such-project"));
        Assert.True(((ComponentServices.Address)services.GetRequiredService<NavigationManager>()).IsNotFound);
    }

    private static async Task<ComponentRenderer> OpenAsync(IServiceProvider services)
    {
        var page = new ComponentRenderer(services);
        await page.RenderAsync<EvaluationsPage>(("Slug", "test"));
        return page;
    }

    private static IEnumerable<string> Alerts(ComponentRenderer page) =>
        page.Content.Descendants().Where(e => (string?)e.Attribute("role") == "alert").SelectMany(e => e.Descendants()).Where(e => !e.HasElements).Select(e => e.Value);

    private ServiceProvider Services(string role = AppRoles.Engineer, string query = "") => ComponentServices.Create(_database, role, "projects/test/evaluations" + query);

    private int Sent() => _database.Read(db => db.Outbox.Count());
}
