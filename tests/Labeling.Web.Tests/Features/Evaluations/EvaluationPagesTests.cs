using System.Net;
using System.Net.Http.Json;
using Labeling.Web.Features.Evaluations;
using Labeling.Web.Tests.Features.Api;
using Rlhf.Contracts.Training;
using Rlhf.Data.Entities;

namespace Labeling.Web.Tests.Features.Evaluations;

/// <summary>What the site shows of evaluations, and to whom.</summary>
public sealed class EvaluationPagesTests(Site site) : IClassFixture<Site>
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Page_Engineer_SeesResultsSideBySideTheLeaderboardAndTheFiles()
    {
        var project = await site.AddProjectAsync();
        var policy = await AddResultsAsync(project);
        var (engineer, _) = await site.SignedInAsync(AppRoles.Engineer);

        var html = await engineer.GetStringAsync($"/projects/{project.Slug}/evaluations", Stop);
        Assert.Contains("id=\"leaderboard\"", html, StringComparison.Ordinal);
        Assert.Contains("0.750", html, StringComparison.Ordinal);
        Assert.Contains("checker, against v0", html, StringComparison.Ordinal);
        Assert.Contains("&lt;b&gt;", html, StringComparison.Ordinal);
        Assert.Contains("No two checkpoints", await engineer.GetStringAsync($"/projects/{project.Slug}/evaluations?judge=human", Stop), StringComparison.Ordinal);
        Assert.Contains("id=\"evaluation-results\"", await engineer.GetStringAsync($"/projects/{project.Slug}/checkpoints/{policy}", Stop), StringComparison.Ordinal);

        var csv = (await engineer.GetStringAsync($"/projects/{project.Slug}/evaluations.csv", Stop)).Split("\r\n");
        Assert.StartsWith("run_id,checkpoint_id,version,baseline_version,task,variant,metric,value,low,high,count,seed,created_at", csv[0], StringComparison.Ordinal);
        Assert.Equal(4, csv.Length);
        var rows = await engineer.GetFromJsonAsync<List<ExportedResult>>($"/projects/{project.Slug}/evaluations.json", Stop);
        Assert.Equal([0.75, 0.5], rows!.Select(r => r.Value).OrderDescending());
    }

    [Fact]
    public async Task Page_NothingMeasured_SaysSo()
    {
        var project = await site.AddProjectAsync();
        var (engineer, _) = await site.SignedInAsync(AppRoles.Engineer);
        var html = await engineer.GetStringAsync($"/projects/{project.Slug}/evaluations", Stop);
        Assert.Contains("id=\"no-results\"", html, StringComparison.Ordinal);
        Assert.DoesNotContain("export-csv", html, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("evaluations")]
    [InlineData("evaluations.csv")]
    [InlineData("evaluations.json")]
    public async Task Get_AnnotatorsAreNotTold_AndAnUnknownProjectIsNone(string page)
    {
        var (annotator, user) = await site.SignedInAsync(AppRoles.Annotator);
        var project = await site.AddProjectAsync(members: user.Id);
        Assert.Equal(HttpStatusCode.Forbidden, (await annotator.GetAsync($"/projects/{project.Slug}/{page}", Stop)).StatusCode);
        var (engineer, _) = await site.SignedInAsync(AppRoles.Engineer);
        Assert.Equal(HttpStatusCode.NotFound, (await engineer.GetAsync($"/projects/no-such-project/{page}", Stop)).StatusCode);
    }

    [Fact]
    public async Task Api_Engineer_GetsJsonOrCsv_AnnotatorAndStrangerDoNot()
    {
        var (member, _, project) = await site.AddLabelingAsync(tasks: 0);
        await AddResultsAsync(project);
        var engineer = site.CreateProgram(await site.AddKeyAsync((await site.AddUserAsync(AppRoles.Engineer)).Id));
        var path = $"/api/v1/projects/{project.Slug}/evaluations";

        var rows = await engineer.GetFromJsonAsync<List<ExportedResult>>(path, Stop);
        Assert.Equal([(1, (int?)0, "win_rate", 20), (1, null, "sum", 8)], rows!.OrderByDescending(r => r.Count).Select(r => (r.Version, r.BaselineVersion, r.Task, r.Count)));
        var csv = await engineer.GetAsync(path + "?format=csv", Stop);
        Assert.Equal("text/csv", csv.Content.Headers.ContentType!.MediaType);
        Assert.Contains("win_rate,checker,win_rate,0.75,0,1,20,1,", await csv.Content.ReadAsStringAsync(Stop), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.BadRequest, (await engineer.GetAsync(path + "?format=xml", Stop)).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await member.GetAsync(path, Stop)).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await engineer.GetAsync("/api/v1/projects/no-such-project/evaluations", Stop)).StatusCode);
        using var nobody = site.CreateClient();
        Assert.Equal(HttpStatusCode.Unauthorized, (await nobody.GetAsync(path, Stop)).StatusCode);
    }

    private async Task<Guid> AddResultsAsync(Project project)
    {
        await using var db = await site.CreateDbContextAsync();
        var policies = Enumerable.Range(0, 2).Select(v => new Checkpoint { ProjectId = project.Id, Kind = CheckpointKinds.Policy, Version = v, Path = $"{project.Slug}-{v}", ContentHash = $"{v}" }).ToArray();
        var run = new Run { ProjectId = project.Id, Kind = RunKinds.Eval, CommandId = Guid.CreateVersion7(), Status = RunStatuses.Completed };
        db.AddRange(policies);
        db.Add(run);
        await db.SaveChangesAsync(Stop);
        db.AddRange(
            new EvaluationResult
            {
                RunId = run.Id, CheckpointId = policies[1].Id, BaselineCheckpointId = policies[0].Id, Task = WinRateNames.Task, Variant = WinRateNames.Checker,
                Metric = WinRateNames.Metric, Value = 0.75, Low = 0, High = 1, Count = 20, Seed = 1,
            },
            new EvaluationResult { RunId = run.Id, CheckpointId = policies[1].Id, Task = "sum", Variant = "<b>", Metric = "pass_rate", Value = 0.5, Count = 8, Seed = 1 });
        await db.SaveChangesAsync(Stop);
        return policies[1].Id;
    }
}
