using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Labeling.Web.Features.Api;
using Labeling.Web.Features.Labeling;
using Microsoft.EntityFrameworkCore;
using Rlhf.Contracts.Labeling;
using Rlhf.Data.Entities;

namespace Labeling.Web.Tests.Features.Api;

public sealed class ApiTests(Site site) : IClassFixture<Site>
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Projects_AnnotatorAndEngineer_SeeTheirs()
    {
        var (program, _, project) = await site.AddLabelingAsync(tasks: 0);
        var other = await site.AddProjectAsync();
        var own = await program.GetFromJsonAsync<List<ApiProject>>("/api/v1/projects", Stop);
        Assert.Equal([project.Slug], own!.Select(p => p.Slug));

        var engineer = site.CreateProgram(await site.AddKeyAsync((await site.AddUserAsync(AppRoles.Engineer)).Id));
        var all = await engineer.GetFromJsonAsync<List<ApiProject>>("/api/v1/projects", Stop);
        Assert.Superset(new HashSet<string> { project.Slug, other.Slug }, all!.Select(p => p.Slug).ToHashSet());
    }

    [Fact]
    public async Task NextTask_ShowsBothAnswersInThisAnnotatorsOrder()
    {
        var (program, user, project) = await site.AddLabelingAsync(tasks: 1);
        var task = await NextAsync(program, project);
        var swapped = PresentationOrder.IsSwapped(user.Id, task.TaskId);

        Assert.Equal("prompt 0", task.Prompt);
        Assert.Equal(swapped ? [new("b", "B0"), new("a", "A0")] : [new ApiCompletion("a", "A0"), new("b", "B0")], task.Completions);
        Assert.True(task.ExpiresAt > DateTimeOffset.UtcNow);
        Assert.Equal(task.LeaseToken, (await NextAsync(program, project)).LeaseToken);
    }

    [Fact]
    public async Task NextTask_NothingLeft_IsNoContent()
    {
        var (program, _, project) = await site.AddLabelingAsync(tasks: 0);
        Assert.Equal(HttpStatusCode.NoContent, (await program.GetAsync($"/api/v1/projects/{project.Slug}/tasks/next", Stop)).StatusCode);
    }

    [Fact]
    public async Task Submit_SameRequestAgain_IsTheSameJudgment()
    {
        var (program, user, project) = await site.AddLabelingAsync(tasks: 1);
        var task = await NextAsync(program, project);
        var first = await SubmitAsync(program, project, task.LeaseToken, Choices.B);
        var again = await SubmitAsync(program, project, task.LeaseToken, Choices.B);

        Assert.Equal((HttpStatusCode.Created, HttpStatusCode.OK), (first.StatusCode, again.StatusCode));
        var id = (await first.Content.ReadFromJsonAsync<ApiJudgment>(Stop))!.JudgmentId;
        Assert.Equal(id, (await again.Content.ReadFromJsonAsync<ApiJudgment>(Stop))!.JudgmentId);
        await using var db = await site.CreateDbContextAsync();
        var judgment = await db.Judgments.SingleAsync(j => j.ProjectId == project.Id, Stop);
        Assert.Equal((id, user.Id, Choices.B, 1500, JudgmentSources.Human), (judgment.Id, judgment.AnnotatorId!.Value, judgment.Choice, judgment.DurationMs, judgment.Source));
    }

    [Fact]
    public async Task Submit_ManyTimesAtOnce_IsOneJudgment()
    {
        var (program, _, project) = await site.AddLabelingAsync(tasks: 1);
        var task = await NextAsync(program, project);
        var responses = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => SubmitAsync(program, project, task.LeaseToken, Choices.A)));

        Assert.Single(responses, r => r.StatusCode == HttpStatusCode.Created);
        Assert.Equal(7, responses.Count(r => r.StatusCode == HttpStatusCode.OK));
        await using var db = await site.CreateDbContextAsync();
        Assert.Equal(1, await db.Judgments.CountAsync(j => j.ProjectId == project.Id, Stop));
    }

    [Fact]
    public async Task Submit_AgainWithAnotherChoice_IsAConflictAndTheFirstStands()
    {
        var (program, _, project) = await site.AddLabelingAsync(tasks: 1);
        var task = await NextAsync(program, project);
        await SubmitAsync(program, project, task.LeaseToken, Choices.A);
        var other = await SubmitAsync(program, project, task.LeaseToken, Choices.Tie);

        Assert.Equal(HttpStatusCode.Conflict, other.StatusCode);
        Assert.Contains("'a'; it stands", await DetailAsync(other), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Submit_OfAnotherAnnotatorProjectOrNobody_IsRefused()
    {
        var (program, _, project) = await site.AddLabelingAsync(tasks: 1);
        var (stranger, user, elsewhere) = await site.AddLabelingAsync(tasks: 1);
        var task = await NextAsync(stranger, elsewhere);
        await using (var db = await site.CreateDbContextAsync())
        {
            db.ProjectMembers.Add(new ProjectMember { ProjectId = project.Id, UserId = user.Id });
            await db.SaveChangesAsync(Stop);
        }

        Assert.Equal(HttpStatusCode.Forbidden, (await SubmitAsync(program, project, task.LeaseToken, Choices.A)).StatusCode);
        Assert.Equal(HttpStatusCode.Conflict, (await SubmitAsync(stranger, project, task.LeaseToken, Choices.A)).StatusCode);
        Assert.Equal(HttpStatusCode.Conflict, (await SubmitAsync(program, project, Guid.NewGuid(), Choices.A)).StatusCode);
        Assert.Equal(HttpStatusCode.Created, (await SubmitAsync(stranger, elsewhere, task.LeaseToken, Choices.A)).StatusCode);
        Assert.Equal(HttpStatusCode.Conflict, (await SubmitAsync(stranger, project, task.LeaseToken, Choices.A)).StatusCode);
    }

    [Theory]
    [InlineData("""{"leaseToken": "x", "choice": "left", "durationMs": -1}""", "leaseToken,choice,durationMs", "legal values: a, b, tie")]
    [InlineData("{}", "leaseToken,choice,durationMs", "choice is missing")]
    [InlineData("""{"choise": "a"}""", "choise", "choise")]
    [InlineData("""{"durationMs": "long"}""", "durationMs", "durationMs")]
    [InlineData("null", "", "JSON object")]
    [InlineData("{", "", "JSON")]
    public async Task Submit_WrongBody_NamesEveryFieldAndTheLegalValues(string body, string fields, string expected)
    {
        var (program, _, project) = await site.AddLabelingAsync(tasks: 0);
        var response = await program.PostAsync(
            $"/api/v1/projects/{project.Slug}/judgments", new StringContent(body, System.Text.Encoding.UTF8, "application/json"), Stop);

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType!.MediaType);
        var problem = await response.Content.ReadFromJsonAsync<JsonElement>(Stop);
        Assert.Equal(fields.Split(','), problem.GetProperty("errors").EnumerateObject().Select(e => e.Name));
        Assert.Contains(expected, problem.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Submit_NotJson_SaysSo()
    {
        var (program, _, project) = await site.AddLabelingAsync(tasks: 0);
        var response = await program.PostAsync($"/api/v1/projects/{project.Slug}/judgments", new StringContent("choice=a"), Stop);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains("application/json", await response.Content.ReadAsStringAsync(Stop), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Skip_GivesTheTaskBackAndIsRepeatable()
    {
        var (program, user, project) = await site.AddLabelingAsync(tasks: 2);
        var task = await NextAsync(program, project);
        for (var i = 0; i < 2; i++)
        {
            Assert.Equal(HttpStatusCode.NoContent, (await program.PostAsync($"/api/v1/projects/{project.Slug}/tasks/{task.TaskId}/skip", null, Stop)).StatusCode);
        }

        Assert.NotEqual(task.TaskId, (await NextAsync(program, project)).TaskId);
        await using var db = await site.CreateDbContextAsync();
        Assert.DoesNotContain(db.TaskLeases, l => l.TaskId == task.TaskId && l.AnnotatorId == user.Id);
        Assert.Equal(HttpStatusCode.Conflict, (await SubmitAsync(program, project, task.LeaseToken, Choices.A)).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await program.PostAsync($"/api/v1/projects/{project.Slug}/tasks/{Guid.NewGuid()}/skip", null, Stop)).StatusCode);
    }

    [Fact]
    public async Task Progress_CountsJudgmentsAndOpenTasks()
    {
        var (program, _, project) = await site.AddLabelingAsync(tasks: 3);
        await SubmitAsync(program, project, (await NextAsync(program, project)).LeaseToken, Choices.Tie);
        var progress = await program.GetFromJsonAsync<ApiProgress>($"/api/v1/projects/{project.Slug}/progress", Stop);
        Assert.Equal(new ApiProgress(1, 1, 1, 100, 2, null, null), progress);
    }

    [Theory]
    [InlineData("GET", "tasks/next")]
    [InlineData("GET", "progress")]
    [InlineData("POST", "judgments")]
    [InlineData("POST", "tasks/01234567-89ab-cdef-0123-456789abcdef/skip")]
    public async Task Any_StrangersProjectOrNone_IsRefused(string method, string path)
    {
        var (program, _, _) = await site.AddLabelingAsync(tasks: 0);
        var other = await site.AddProjectAsync();
        foreach (var (slug, status) in ((string, HttpStatusCode)[])[(other.Slug, HttpStatusCode.Forbidden), ("no-such-project", HttpStatusCode.NotFound)])
        {
            var response = await program.SendAsync(new HttpRequestMessage(new HttpMethod(method), $"/api/v1/projects/{slug}/{path}"), Stop);
            Assert.Equal(status, response.StatusCode);
            Assert.Equal("application/problem+json", response.Content.Headers.ContentType!.MediaType);
        }
    }

    [Fact]
    public async Task UnknownPathUnderApi_IsAProblemAndNoPage()
    {
        using var client = site.CreateClient();
        var response = await client.GetAsync("/api/v1/nothing", Stop);
        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType!.MediaType);
    }

    [Fact]
    public async Task OpenApi_DescribesEveryPathWithoutAnAccount()
    {
        using var client = site.CreateClient();
        var document = await client.GetFromJsonAsync<JsonElement>("/api/v1/openapi.json", Stop);
        Assert.Equal(
            [
                "/api/v1/projects", "/api/v1/projects/{slug}/evaluations", "/api/v1/projects/{slug}/judgments", "/api/v1/projects/{slug}/progress",
                "/api/v1/projects/{slug}/tasks/next", "/api/v1/projects/{slug}/tasks/{taskId}/skip",
            ],
            document.GetProperty("paths").EnumerateObject().Select(p => p.Name).Order(StringComparer.Ordinal));
        var body = document.GetProperty("paths").GetProperty("/api/v1/projects/{slug}/judgments").GetProperty("post").GetProperty("requestBody");
        Assert.Contains("leaseToken", document.ToString(), StringComparison.Ordinal);
        Assert.True(body.GetProperty("required").GetBoolean());
    }

    private static async Task<ApiTask> NextAsync(HttpClient program, Project project) =>
        (await program.GetFromJsonAsync<ApiTask>($"/api/v1/projects/{project.Slug}/tasks/next", Stop))!;

    private static Task<HttpResponseMessage> SubmitAsync(HttpClient program, Project project, Guid leaseToken, string choice) =>
        program.PostAsJsonAsync($"/api/v1/projects/{project.Slug}/judgments", new { leaseToken, choice, durationMs = 1500 }, Stop);

    private static async Task<string> DetailAsync(HttpResponseMessage response) =>
        (await response.Content.ReadFromJsonAsync<JsonElement>(Stop)).GetProperty("detail").GetString()!;
}
