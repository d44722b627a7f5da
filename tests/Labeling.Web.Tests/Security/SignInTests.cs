using System.Net;
using Labeling.Web.Security;
using Rlhf.Data.Entities;

namespace Labeling.Web.Tests.Security;

// Not a class fixture: the rate limit counts per site.
public sealed class SignInTests : IAsyncLifetime
{
    private readonly Site _site = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => _site.InitializeAsync();

    public ValueTask DisposeAsync() => _site.DisposeAsync();

    [Fact]
    public async Task Login_RightPassword_LeadsToTheLocalReturnAddressOnly()
    {
        var user = await _site.AddUserAsync(AppRoles.Annotator);
        foreach (var (returnUrl, expected) in ((string, string)[])[("%2Fruns%3Fkind%3Dppo", "/runs?kind=ppo"), ("https%3A%2F%2Fevil.example", "/"), ("%2F%2Fevil.example", "/")])
        {
            using var client = _site.CreateClient();
            var response = await Site.PostFormAsync(client, $"/login?returnUrl={returnUrl}", "login", ("Email", user.Email!), ("Password", Site.Password));
            Assert.Equal(HttpStatusCode.Found, response.StatusCode);
            Assert.Equal(expected, new Uri(_site.Address, response.Headers.Location!).PathAndQuery);
        }
    }

    [Fact]
    public async Task Login_RightPassword_SetsAHardenedCookie()
    {
        var user = await _site.AddUserAsync(AppRoles.Annotator);
        using var client = _site.CreateClient();
        var response = await Site.PostFormAsync(client, "/login", "login", ("Email", user.Email!), ("Password", Site.Password));
        var cookie = Assert.Single(response.Headers.GetValues("Set-Cookie"), c => c.StartsWith("rlhf.session=", StringComparison.Ordinal));
        Assert.Contains("httponly", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("samesite=lax", cookie, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task Login_WrongPasswordFiveTimes_LocksTheAccount()
    {
        var user = await _site.AddUserAsync(AppRoles.Annotator);
        using var client = _site.CreateClient();
        for (var i = 0; i < 5; i++)
        {
            var wrong = await Site.PostFormAsync(client, "/login", "login", ("Email", user.Email!), ("Password", "wrong"));
            Assert.Equal(HttpStatusCode.OK, wrong.StatusCode);
        }

        var right = await Site.PostFormAsync(client, "/login", "login", ("Email", user.Email!), ("Password", Site.Password));
        Assert.Equal(HttpStatusCode.OK, right.StatusCode);
        Assert.Contains("the account is locked", await right.Content.ReadAsStringAsync(Stop), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Login_TooManyPosts_IsRateLimited()
    {
        using var client = _site.CreateClient();
        var statuses = new List<HttpStatusCode>();
        for (var i = 0; i <= SignInRateLimit.PostsPerMinute; i++)
        {
            statuses.Add((await Site.PostFormAsync(client, "/login", "login", ("Email", $"a{i}@example.org"), ("Password", "wrong"))).StatusCode);
        }

        Assert.Equal(HttpStatusCode.TooManyRequests, statuses[^1]);
        Assert.All(statuses[..^1], s => Assert.Equal(HttpStatusCode.OK, s));
    }

    [Theory]
    [InlineData("/login")]
    [InlineData("/logout")]
    public async Task Post_WithoutAntiforgeryToken_IsRefused(string path)
    {
        var (client, _) = await _site.SignInAsync(AppRoles.Annotator);
        using (client)
        {
            var response = await client.PostAsync(path, new FormUrlEncodedContent([KeyValuePair.Create("_handler", "login")]), Stop);
            Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
            Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/", Stop)).StatusCode);
        }
    }

    [Fact]
    public async Task Logout_WithToken_EndsTheSession()
    {
        var (client, _) = await _site.SignInAsync(AppRoles.Annotator);
        using (client)
        {
            var html = await client.GetStringAsync("/", Stop);
            var token = html.Split("__RequestVerificationToken\" value=\"")[1].Split('"')[0];
            await client.PostAsync("/logout", new FormUrlEncodedContent([KeyValuePair.Create("__RequestVerificationToken", token)]), Stop);
            Assert.Equal(HttpStatusCode.Found, (await client.GetAsync("/", Stop)).StatusCode);
        }
    }

    [Fact]
    public async Task ChangePassword_RightCurrentOne_ReplacesIt()
    {
        var (client, user) = await _site.SignInAsync(AppRoles.Annotator);
        using (client)
        {
            var response = await Site.PostFormAsync(
                client, "/account/password", "password", ("Current", Site.Password), ("Password", "another fine phrase"), ("Repeat", "another fine phrase"));
            Assert.Contains("Your password is changed", await response.Content.ReadAsStringAsync(Stop), StringComparison.Ordinal);
            Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/", Stop)).StatusCode);
        }

        using var other = _site.CreateClient();
        Assert.Equal(HttpStatusCode.OK, (await Site.PostFormAsync(other, "/login", "login", ("Email", user.Email!), ("Password", Site.Password))).StatusCode);
        Assert.Equal(HttpStatusCode.Found, (await Site.PostFormAsync(other, "/login", "login", ("Email", user.Email!), ("Password", "another fine phrase"))).StatusCode);
    }
}
