using System.Net;
using Labeling.Web.Features.Accounts;
using Microsoft.Extensions.DependencyInjection;
using Rlhf.Data.Entities;

namespace Labeling.Web.Tests.Features.Accounts;

public sealed class UserDirectoryTests(Site site) : IClassFixture<Site>
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private UserDirectory Directory => site.Services.GetRequiredService<UserDirectory>();

    [Fact]
    public async Task Invite_LinkUsed_SetsThePasswordOnce()
    {
        var email = $"{Guid.NewGuid():N}@example.org";
        var invitation = await Directory.InviteAsync("Cy", email, AppRoles.Engineer, site.Address, Stop);
        var link = new Uri(invitation.Link!);
        using var client = site.CreateClient();

        var accepted = await Site.PostFormAsync(client, link.PathAndQuery, "welcome", ("Password", Site.Password), ("Repeat", Site.Password));
        var again = await Site.PostFormAsync(client, link.PathAndQuery, "welcome", ("Password", "stolen link phrase"), ("Repeat", "stolen link phrase"));

        Assert.Equal(HttpStatusCode.Found, accepted.StatusCode);
        Assert.Contains("not valid any more", await again.Content.ReadAsStringAsync(Stop), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.Found, (await Site.PostFormAsync(client, "/login", "login", ("Email", email), ("Password", Site.Password))).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/runs", Stop)).StatusCode);
    }

    [Fact]
    public async Task Invite_SameEmailTwice_IsRefused()
    {
        var email = $"{Guid.NewGuid():N}@example.org";
        Assert.True((await Directory.InviteAsync("Cy", email, AppRoles.Annotator, site.Address, Stop)).Succeeded);
        Assert.NotEmpty((await Directory.InviteAsync("Cy", email, AppRoles.Annotator, site.Address, Stop)).Errors);
    }

    [Fact]
    public async Task Invite_UnknownRole_NamesTheLegalOnes()
    {
        var change = await Directory.InviteAsync("Cy", "cy@example.org", "root", site.Address, Stop);
        Assert.Contains("annotator, engineer, admin", Assert.Single(change.Errors), StringComparison.Ordinal);
    }

    [Fact]
    public async Task SetLocked_SignsInNoMore()
    {
        var user = await site.AddUserAsync(AppRoles.Annotator);
        Assert.True((await Directory.SetLockedAsync(user.Id, locked: true, Guid.NewGuid())).Succeeded);
        using var client = site.CreateClient();
        Assert.Equal(HttpStatusCode.OK, (await Site.PostFormAsync(client, "/login", "login", ("Email", user.Email!), ("Password", Site.Password))).StatusCode);

        await Directory.SetLockedAsync(user.Id, locked: false, Guid.NewGuid());
        Assert.Equal(HttpStatusCode.Found, (await Site.PostFormAsync(client, "/login", "login", ("Email", user.Email!), ("Password", Site.Password))).StatusCode);
    }

    [Fact]
    public async Task SetRoleOrLock_OnOneself_IsRefused()
    {
        var admin = await site.AddUserAsync(AppRoles.Admin);
        Assert.False((await Directory.SetRoleAsync(admin.Id, AppRoles.Annotator, admin.Id)).Succeeded);
        Assert.False((await Directory.SetLockedAsync(admin.Id, locked: true, admin.Id)).Succeeded);
        Assert.Equal(AppRoles.Admin, (await Directory.ListAsync(Stop)).Single(u => u.Id == admin.Id).Role);
    }

    [Fact]
    public async Task SetMembership_OnAndOff_IsListed()
    {
        var user = await site.AddUserAsync(AppRoles.Annotator);
        var project = await site.AddProjectAsync();
        await Directory.SetMembershipAsync(user.Id, project.Id, member: true, Stop);
        await Directory.SetMembershipAsync(user.Id, project.Id, member: true, Stop);
        Assert.Equal([project.Id], (await Directory.ListAsync(Stop)).Single(u => u.Id == user.Id).Projects);
        await Directory.SetMembershipAsync(user.Id, project.Id, member: false, Stop);
        Assert.Empty((await Directory.ListAsync(Stop)).Single(u => u.Id == user.Id).Projects);
    }
}
