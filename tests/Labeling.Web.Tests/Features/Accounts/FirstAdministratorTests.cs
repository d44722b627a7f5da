using System.Net;
using Labeling.Web.Features.Accounts;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Labeling.Web.Tests.Features.Accounts;

// Each test needs a site without an administrator.
public sealed class FirstAdministratorTests : IAsyncLifetime
{
    private static readonly (string, string)[] s_form =
        [("Name", "Ada"), ("Email", "ada@example.org"), ("Password", Site.Password), ("Repeat", Site.Password)];

    private readonly Site _site = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private FirstAdministrator Administrator => _site.Services.GetRequiredService<FirstAdministrator>();

    public ValueTask InitializeAsync() => _site.InitializeAsync();

    public ValueTask DisposeAsync() => _site.DisposeAsync();

    [Fact]
    public async Task Setup_FreshLink_MakesASignedInAdministratorOnce()
    {
        var link = (await Administrator.CreateSetupLinkAsync(_site.Address, Stop))!;
        using var client = _site.CreateClient();

        var response = await Site.PostFormAsync(client, link.PathAndQuery, "setup", s_form);

        Assert.Equal(HttpStatusCode.Found, response.StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/admin/users", Stop)).StatusCode);
        Assert.Null(await Administrator.CreateSetupLinkAsync(_site.Address, Stop));
        Assert.False(await Administrator.IsUsableAsync(TokenOf(link), Stop));
        Assert.NotEmpty(await Administrator.CreateAsync(TokenOf(link), "Eve", "eve@example.org", Site.Password, Stop));
        using var other = _site.CreateClient();
        Assert.Contains("This link is not valid", await other.GetStringAsync(link, Stop), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Create_SameTokenAtOnce_MakesOneAdministrator()
    {
        var token = TokenOf((await Administrator.CreateSetupLinkAsync(_site.Address, Stop))!);
        var results = await Task.WhenAll(Enumerable.Range(0, 4).Select(i =>
            Task.Run(() => Administrator.CreateAsync(token, $"A{i}", $"a{i}@example.org", Site.Password, Stop))));
        Assert.Single(results, errors => errors.Count == 0);
        await using var db = await _site.CreateDbContextAsync();
        Assert.Equal(1, await db.Users.CountAsync(Stop));
    }

    [Fact]
    public async Task Create_ExpiredToken_IsRefused()
    {
        var token = TokenOf((await Administrator.CreateSetupLinkAsync(_site.Address, Stop))!);
        await using (var db = await _site.CreateDbContextAsync())
        {
            var past = DateTimeOffset.UtcNow.AddSeconds(-1);
            await db.SetupTokens.ExecuteUpdateAsync(set => set.SetProperty(t => t.ExpiresAt, past), Stop);
        }

        Assert.NotEmpty(await Administrator.CreateAsync(token, "Ada", "ada@example.org", Site.Password, Stop));
    }

    [Fact]
    public async Task Create_WeakPassword_LeavesTheTokenUsable()
    {
        var token = TokenOf((await Administrator.CreateSetupLinkAsync(_site.Address, Stop))!);
        var errors = await Administrator.CreateAsync(token, "Ada", "ada@example.org", "short", Stop);
        Assert.Contains(errors, e => e.Contains("12", StringComparison.Ordinal));
        Assert.True(await Administrator.IsUsableAsync(token, Stop));
        Assert.Empty(await Administrator.CreateAsync(token, "Ada", "ada@example.org", Site.Password, Stop));
    }

    [Fact]
    public async Task CreateSetupLink_Again_ReplacesTheOlderLink()
    {
        var older = TokenOf((await Administrator.CreateSetupLinkAsync(_site.Address, Stop))!);
        var newer = TokenOf((await Administrator.CreateSetupLinkAsync(_site.Address, Stop))!);
        Assert.False(await Administrator.IsUsableAsync(older, Stop));
        Assert.True(await Administrator.IsUsableAsync(newer, Stop));
    }

    [Fact]
    public async Task CreateSetupLink_Token_IsNotInTheDatabase()
    {
        var token = TokenOf((await Administrator.CreateSetupLinkAsync(_site.Address, Stop))!);
        await using var db = await _site.CreateDbContextAsync();
        Assert.NotEqual(token, (await db.SetupTokens.SingleAsync(Stop)).TokenHash);
    }

    [Theory]
    [InlineData("/setup")]
    [InlineData("/setup?token=guess")]
    public async Task Setup_WithoutAValidToken_ShowsNoForm(string path)
    {
        using var client = _site.CreateClient();
        Assert.DoesNotContain("<form", await client.GetStringAsync(path, Stop), StringComparison.Ordinal);
    }

    private static string TokenOf(Uri link) => link.Query["?token=".Length..];
}
