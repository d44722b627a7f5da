using System.Net;
using Rlhf.Contracts.Training;
using Rlhf.Data.Entities;

namespace Labeling.Web.Tests.Security;

public sealed class AccessTests(Site site) : IClassFixture<Site>
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("/")]
    [InlineData("/runs")]
    [InlineData("/projects/any/label")]
    [InlineData("/admin/users")]
    [InlineData("/admin/messages")]
    [InlineData("/account/password")]
    [InlineData("/no-such-page")]
    public async Task Get_SignedOut_LeadsToTheSignInPage(string path)
    {
        using var client = site.CreateClient();
        var response = await client.GetAsync(path, Stop);
        Assert.Equal(HttpStatusCode.Found, response.StatusCode);
        Assert.StartsWith("/login?returnUrl=", response.Headers.Location!.PathAndQuery, StringComparison.Ordinal);
    }

    // A page of a project that exists asks whose it is; nobody's way leads to the sign-in page all the same.
    [Fact]
    public async Task Get_SignedOutPageOfARealProject_LeadsToTheSignInPage()
    {
        var project = await site.AddProjectAsync();
        using var client = site.CreateClient();
        foreach (var path in (string[])[$"/projects/{project.Slug}", $"/projects/{project.Slug}/label"])
        {
            var response = await client.GetAsync(path, Stop);
            Assert.Equal(HttpStatusCode.Found, response.StatusCode);
            Assert.StartsWith("/login?returnUrl=", response.Headers.Location!.PathAndQuery, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("/runs", HttpStatusCode.Forbidden)]
    [InlineData("/admin/users", HttpStatusCode.Forbidden)]
    [InlineData("/admin/messages", HttpStatusCode.Forbidden)]
    [InlineData("/projects/new", HttpStatusCode.Forbidden)]
    [InlineData("/projects/any/checkpoints", HttpStatusCode.Forbidden)]
    [InlineData("/projects/any/checkpoints/01890a5d-ac96-774b-bcce-b302099a8001", HttpStatusCode.Forbidden)]
    [InlineData("/projects/any/annotators", HttpStatusCode.Forbidden)]
    [InlineData("/", HttpStatusCode.OK)]
    [InlineData("/no-such-page", HttpStatusCode.NotFound)]
    [InlineData("/projects/no-such-project", HttpStatusCode.NotFound)]
    public async Task Get_Annotator_SeesOnlyTheirPages(string path, HttpStatusCode expected)
    {
        var (client, _) = await site.SignedInAsync(AppRoles.Annotator);
        Assert.Equal(expected, (await client.GetAsync(path, Stop)).StatusCode);
    }

    [Theory]
    [InlineData("/runs", HttpStatusCode.OK)]
    [InlineData("/projects/new", HttpStatusCode.OK)]
    [InlineData("/projects/no-such-project/checkpoints", HttpStatusCode.NotFound)]
    [InlineData("/projects/no-such-project/annotators", HttpStatusCode.NotFound)]
    [InlineData("/projects/no-such-project/checkpoints/01890a5d-ac96-774b-bcce-b302099a8001", HttpStatusCode.NotFound)]
    [InlineData("/admin/users", HttpStatusCode.Forbidden)]
    public async Task Get_Engineer_SeesRunsButNoAccounts(string path, HttpStatusCode expected)
    {
        var (client, _) = await site.SignedInAsync(AppRoles.Engineer);
        Assert.Equal(expected, (await client.GetAsync(path, Stop)).StatusCode);
    }

    [Fact]
    public async Task Get_ProjectPages_OnlyMembersAndEngineers()
    {
        var (member, user) = await site.SignInAsync(AppRoles.Annotator);
        var (stranger, _) = await site.SignInAsync(AppRoles.Annotator);
        var (engineer, _) = await site.SignInAsync(AppRoles.Engineer);
        var project = await site.AddProjectAsync(members: user.Id);
        var run = new Run { ProjectId = project.Id, Kind = RunKinds.Ppo, CommandId = Guid.NewGuid() };
        await using (var db = await site.CreateDbContextAsync())
        {
            db.Runs.Add(run);
            await db.SaveChangesAsync(Stop);
        }

        foreach (var path in (string[])[$"/projects/{project.Slug}", $"/projects/{project.Slug}/label", $"/runs/{run.Id}"])
        {
            Assert.Equal((path, HttpStatusCode.OK), (path, (await member.GetAsync(path, Stop)).StatusCode));
            Assert.Equal((path, HttpStatusCode.OK), (path, (await engineer.GetAsync(path, Stop)).StatusCode));
            Assert.Equal((path, HttpStatusCode.Forbidden), (path, (await stranger.GetAsync(path, Stop)).StatusCode));
        }
    }

    [Fact]
    public async Task Get_ForbiddenPage_ExplainsItself()
    {
        var (client, _) = await site.SignedInAsync(AppRoles.Annotator);
        var body = await (await client.GetAsync("/admin/users", Stop)).Content.ReadAsStringAsync(Stop);
        Assert.Contains("You are not allowed to see this", body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Get_LabelPage_TakesNoLease()
    {
        var (client, user) = await site.SignedInAsync(AppRoles.Annotator);
        var project = await site.AddProjectAsync(members: user.Id);
        await client.GetAsync($"/projects/{project.Slug}/label", Stop);

        await using var db = await site.CreateDbContextAsync();
        Assert.DoesNotContain(db.TaskLeases, l => l.AnnotatorId == user.Id);
    }

    [Theory]
    [InlineData("/login")]
    [InlineData("/no-such-page")]
    [InlineData("/app.css")]
    public async Task Get_AnyResponse_CarriesTheSecurityHeaders(string path)
    {
        using var client = site.CreateClient();
        var headers = (await client.GetAsync(path, Stop)).Headers;
        var policy = Assert.Single(headers.GetValues("Content-Security-Policy"));
        Assert.Contains("frame-ancestors 'none'", policy, StringComparison.Ordinal);
        Assert.Contains("script-src 'self';", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
        Assert.Equal("nosniff", Assert.Single(headers.GetValues("X-Content-Type-Options")));
        Assert.Equal("same-origin", Assert.Single(headers.GetValues("Referrer-Policy")));
        Assert.False(headers.Contains("Server"));
    }

    // The policy above allows no inline script or style, so a page that needed one would be broken in a browser.
    [Fact]
    public async Task Get_Pages_ContainNoInlineScriptStyleOrHandler()
    {
        var (client, user) = await site.SignedInAsync(AppRoles.Admin);
        var project = await site.AddProjectAsync(members: user.Id);
        foreach (var path in (string[])["/", "/runs", "/admin/users", "/admin/messages", "/account/password", $"/projects/{project.Slug}", $"/projects/{project.Slug}/label"])
        {
            var html = await client.GetStringAsync(path, Stop);
            Assert.DoesNotMatch("<script(?![^>]* src=)", html);
            Assert.DoesNotMatch("<style| style=| onclick=", html);
            Assert.DoesNotMatch("(src|href)=\"(https?:)?//", html);
        }
    }

    [Theory]
    [InlineData("/app.css")]
    [InlineData("/Labeling.Web.styles.css")]
    [InlineData("/_framework/blazor.web.js")]
    [InlineData("/lib/uplot/uPlot.esm.js")]
    [InlineData("/js/labelKeys.js")]
    public async Task Get_StaticAsset_IsServedWithoutAnAccount(string path)
    {
        using var client = site.CreateClient();
        var response = await client.GetAsync(path, Stop);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.NotEmpty(await response.Content.ReadAsByteArrayAsync(Stop));
    }

    [Fact]
    public async Task Get_Circuit_NeedsAnAccount()
    {
        using var client = site.CreateClient();
        var response = await client.PostAsync("/_blazor/negotiate?negotiateVersion=1", null, Stop);
        Assert.NotEqual(HttpStatusCode.OK, response.StatusCode);
    }
}
