using System.Net;
using System.Net.Http.Headers;
using System.Text.RegularExpressions;
using Labeling.Web.Features.Accounts;
using Labeling.Web.Features.Api;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Rlhf.Data.Entities;

namespace Labeling.Web.Tests.Features.Api;

// Not a class fixture: the limit on wrong keys counts per site.
public sealed partial class ApiKeyTests : IAsyncLifetime
{
    private const string Projects = "/api/v1/projects";
    private readonly Site _site = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => _site.InitializeAsync();

    public ValueTask DisposeAsync() => _site.DisposeAsync();

    [Fact]
    public async Task Page_MakesAKeyThatWorksAndIsShownOnce_AndRevokesIt()
    {
        var (browser, user) = await _site.SignInAsync(AppRoles.Annotator);
        var made = await (await Site.PostFormAsync(browser, "/account/keys", "create-key", ("Name", "import script"))).Content.ReadAsStringAsync(Stop);
        var key = KeyText().Match(made).Value;
        using var program = _site.CreateProgram(key);
        Assert.Equal(HttpStatusCode.OK, (await program.GetAsync(Projects, Stop)).StatusCode);

        var page = await browser.GetStringAsync("/account/keys", Stop);
        Assert.Contains("import script", page, StringComparison.Ordinal);
        Assert.DoesNotContain(key[^64..], page, StringComparison.Ordinal);
        await using var db = await _site.CreateDbContextAsync();
        var row = await db.ApiKeys.AsNoTracking().SingleAsync(Stop);
        Assert.Equal((user.Id, true), (row.UserId, row.LastUsedAt is not null));
        Assert.DoesNotContain(key[^64..], row.SecretHash, StringComparison.Ordinal);

        var token = AntiforgeryToken().Match(page).Groups[1].Value;
        var revoked = await browser.PostAsync("/account/keys", new FormUrlEncodedContent(
            [KeyValuePair.Create("_handler", "revoke-key"), KeyValuePair.Create("__RequestVerificationToken", token), KeyValuePair.Create("Revoke", row.Id.ToString())]), Stop);
        Assert.Contains("The key is revoked", await revoked.Content.ReadAsStringAsync(Stop), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.Unauthorized, (await program.GetAsync(Projects, Stop)).StatusCode);
    }

    [Fact]
    public async Task Create_NoName_SaysSo()
    {
        var (browser, _) = await _site.SignInAsync(AppRoles.Annotator);
        var response = await Site.PostFormAsync(browser, "/account/keys", "create-key", ("Name", ""));
        Assert.Contains("Give the key a name", await response.Content.ReadAsStringAsync(Stop), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Create_TooManyKeys_IsRefusedUntilOneIsRevoked()
    {
        var user = await _site.AddUserAsync(AppRoles.Annotator);
        var keys = _site.Services.GetRequiredService<ApiKeys>();
        for (var i = 0; i < ApiKeys.MaxPerUser; i++)
        {
            Assert.Null((await keys.CreateAsync(user.Id, $"key {i}", Stop)).Error);
        }

        Assert.Contains("20 keys", (await keys.CreateAsync(user.Id, "one more", Stop)).Error, StringComparison.Ordinal);
        Assert.True(await keys.RevokeAsync(user.Id, (await keys.ListAsync(user.Id, Stop))[0].Id, Stop));
        Assert.NotNull((await keys.CreateAsync(user.Id, "one more", Stop)).Key);
    }

    [Fact]
    public async Task Revoke_SomebodyElsesKey_DoesNothing()
    {
        var (owner, other) = (await _site.AddUserAsync(AppRoles.Annotator), await _site.AddUserAsync(AppRoles.Admin));
        var key = await _site.AddKeyAsync(owner.Id);
        var keys = _site.Services.GetRequiredService<ApiKeys>();
        Assert.False(await keys.RevokeAsync(other.Id, (await keys.ListAsync(owner.Id, Stop)).Single().Id, Stop));
        Assert.NotNull(await keys.FindOwnerAsync(key, Stop));
    }

    [Theory]
    [InlineData("")]
    [InlineData("rlhf_")]
    [InlineData("rlhf_0123456789abcdef0123456789abcdef_short")]
    [InlineData("rlhf_zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")]
    [InlineData("rlhf_0123456789abcdef0123456789abcdef_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")]
    public async Task Any_NoSuchKey_IsUnauthorizedAndSaysHow(string key)
    {
        using var program = _site.CreateClient();
        program.DefaultRequestHeaders.TryAddWithoutValidation("Authorization", $"Bearer {key}");
        var response = await program.GetAsync(Projects, Stop);
        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        Assert.Equal("Bearer", response.Headers.WwwAuthenticate.Single().Scheme);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType!.MediaType);
        Assert.Contains("rlhf_", await response.Content.ReadAsStringAsync(Stop), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Any_RightIdWrongSecret_IsUnauthorized()
    {
        var key = await _site.AddKeyAsync((await _site.AddUserAsync(AppRoles.Admin)).Id);
        using var program = _site.CreateProgram(key[..^1] + (key[^1] == '0' ? '1' : '0'));
        Assert.Equal(HttpStatusCode.Unauthorized, (await program.GetAsync(Projects, Stop)).StatusCode);
    }

    [Fact]
    public async Task Any_SessionCookieInsteadOfAKey_IsUnauthorized()
    {
        var (browser, _) = await _site.SignInAsync(AppRoles.Admin);
        Assert.Equal(HttpStatusCode.OK, (await browser.GetAsync("/", Stop)).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await browser.GetAsync(Projects, Stop)).StatusCode);
    }

    [Fact]
    public async Task Any_OwnerLockedOut_IsUnauthorized()
    {
        var user = await _site.AddUserAsync(AppRoles.Annotator);
        using var program = _site.CreateProgram(await _site.AddKeyAsync(user.Id));
        Assert.Equal(HttpStatusCode.OK, (await program.GetAsync(Projects, Stop)).StatusCode);
        await _site.Services.GetRequiredService<UserDirectory>().SetLockedAsync(user.Id, locked: true, Guid.NewGuid());
        Assert.Equal(HttpStatusCode.Unauthorized, (await program.GetAsync(Projects, Stop)).StatusCode);
    }

    [Fact]
    public async Task Page_WithAKeyInsteadOfASession_LeadsToTheSignInPage()
    {
        using var program = _site.CreateProgram(await _site.AddKeyAsync((await _site.AddUserAsync(AppRoles.Admin)).Id));
        Assert.Equal(HttpStatusCode.Found, (await program.GetAsync("/account/keys", Stop)).StatusCode);
    }

    [Fact]
    public async Task Any_TooManyWrongKeys_IsRateLimited()
    {
        using var program = _site.CreateClient();
        program.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", "wrong");
        for (var i = 0; i < FailedKeyLimit.FailuresPerMinute; i++)
        {
            Assert.Equal(HttpStatusCode.Unauthorized, (await program.GetAsync(Projects, Stop)).StatusCode);
        }

        var refused = await program.GetAsync(Projects, Stop);
        Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
        Assert.NotNull(refused.Headers.RetryAfter);
    }

    [GeneratedRegex("rlhf_[0-9a-f]{32}_[0-9a-f]{64}")]
    private static partial Regex KeyText();

    [GeneratedRegex("""name="__RequestVerificationToken" value="([^"]+)""")]
    private static partial Regex AntiforgeryToken();
}
