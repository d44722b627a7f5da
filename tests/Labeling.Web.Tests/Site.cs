using System.Net;
using System.Text.RegularExpressions;
using Labeling.Web.Consumers;
using Labeling.Web.Features.Accounts;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Rlhf.Data;
using Rlhf.Data.Entities;
using Rlhf.Hosting;
using Rlhf.Hosting.Messaging;

namespace Labeling.Web.Tests;

/// <summary>The real site on a free port of this machine, with SQLite and the in-memory bus.</summary>
public sealed partial class Site : IAsyncLifetime
{
    public const string Password = "correct horse battery";

    private readonly string _data = Path.Combine(Path.GetTempPath(), $"labeling-site-{Guid.NewGuid():N}");
    private readonly Dictionary<string, (HttpClient Client, AppUser User)> _signedIn = [];
    private WebApplication _app = null!;

    public IServiceProvider Services => _app.Services;

    public Uri Address { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions
        {
            ApplicationName = typeof(LabelingWeb).Assembly.GetName().Name,
            ContentRootPath = AppContext.BaseDirectory,
            EnvironmentName = "Production",
        });

        // Nothing of the machine's own configuration reaches the tests.
        builder.Configuration.Sources.Clear();
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?> { ["Storage:DataDirectory"] = _data });
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.AddLabelingWeb();
        builder.Services.AddRlhfMessaging(builder.Configuration, bus => bus.AddLabelingConsumers());
        builder.Logging.ClearProviders();
        _app = builder.Build();
        _app.MapLabelingWeb();
        await Services.GetRequiredService<DatabaseMigrator>().MigrateAsync();
        await _app.StartAsync();
        Address = new Uri(Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var (client, _) in _signedIn.Values)
        {
            client.Dispose();
        }

        await _app.StopAsync();
        await _app.DisposeAsync();
        Directory.Delete(_data, recursive: true);
    }

    /// <summary>A browser's worth of cookies that does not follow redirects.</summary>
    public HttpClient CreateClient() => new(new HttpClientHandler { AllowAutoRedirect = false, CookieContainer = new CookieContainer() })
    {
        BaseAddress = Address,
    };

    /// <summary>Sends a page's form back with its antiforgery token, as a browser would.</summary>
    public static async Task<HttpResponseMessage> PostFormAsync(HttpClient client, string page, string handler, params (string Name, string Value)[] fields)
    {
        var html = await client.GetStringAsync(page);
        return await client.PostAsync(page, new FormUrlEncodedContent(
            fields.Select(f => KeyValuePair.Create($"Input.{f.Name}", f.Value))
                .Append(KeyValuePair.Create("_handler", handler))
                .Append(KeyValuePair.Create("__RequestVerificationToken", AntiforgeryToken().Match(html).Groups[1].Value))));
    }

    /// <summary>A client that is signed in as a new account of this role.</summary>
    public async Task<(HttpClient Client, AppUser User)> SignInAsync(string role)
    {
        var user = await AddUserAsync(role);
        var client = CreateClient();
        var response = await PostFormAsync(client, "/login", "login", ("Email", user.Email!), ("Password", Password));
        Assert.Equal(HttpStatusCode.Found, response.StatusCode);
        return (client, user);
    }

    /// <summary>The one client of this site that is signed in with this role; sign-ins are rate-limited.</summary>
    public async Task<(HttpClient Client, AppUser User)> SignedInAsync(string role)
    {
        if (!_signedIn.TryGetValue(role, out var client))
        {
            _signedIn.Add(role, client = await SignInAsync(role));
        }

        return client;
    }

    public async Task<AppUser> AddUserAsync(string role)
    {
        await using var scope = Services.CreateAsyncScope();
        await scope.ServiceProvider.GetRequiredService<RoleSeed>().EnsureAsync();
        var users = scope.ServiceProvider.GetRequiredService<UserManager<AppUser>>();
        var email = $"{Guid.NewGuid():N}@example.org";
        var user = new AppUser { UserName = email, Email = email, DisplayName = "Test" };
        Assert.True((await users.CreateAsync(user, Password)).Succeeded);
        Assert.True((await users.AddToRoleAsync(user, role)).Succeeded);
        return user;
    }

    public async Task<Project> AddProjectAsync(Action<Project>? change = null, params Guid[] members)
    {
        await using var db = await CreateDbContextAsync();
        var name = $"p{Guid.NewGuid():N}";
        var project = new Project { Name = name, Slug = name, CreatedAt = DateTimeOffset.UtcNow };
        change?.Invoke(project);
        db.Projects.Add(project);
        db.ProjectMembers.AddRange(members.Select(m => new ProjectMember { ProjectId = project.Id, UserId = m }));
        await db.SaveChangesAsync();
        return project;
    }

    public Task<AppDbContext> CreateDbContextAsync() => Services.GetRequiredService<IDbContextFactory<AppDbContext>>().CreateDbContextAsync();

    [GeneratedRegex("""name="__RequestVerificationToken" value="([^"]+)""")]
    private static partial Regex AntiforgeryToken();
}
