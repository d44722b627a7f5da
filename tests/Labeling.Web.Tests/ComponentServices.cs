using System.Security.Claims;
using Labeling.Web.Features.Checkpoints;
using Labeling.Web.Features.Evaluations;
using Labeling.Web.Features.Projects;
using Labeling.Web.Features.Runs;
using Labeling.Web.Live;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.JSInterop;
using Rlhf.Data;

namespace Labeling.Web.Tests;

/// <summary>What pages ask for: the catalogs on a database, somebody who is signed in, and an address.</summary>
internal static class ComponentServices
{
    /// <param name="database">The database.</param>
    /// <param name="role">The role of who looks at the page.</param>
    /// <param name="path">The page's address behind the site's.</param>
    public static ServiceProvider Create(LabelingDatabase database, string role, string path = "")
    {
        var user = new ClaimsPrincipal(new ClaimsIdentity([new Claim(ClaimTypes.Role, role), new Claim(ClaimTypes.NameIdentifier, $"{Guid.NewGuid()}")], "test"));
        return new ServiceCollection()
            .AddSingleton<IDbContextFactory<AppDbContext>>(database)
            .AddSingleton(database.Projects)
            .AddSingleton<TimeProvider>(database.Time)
            .AddSingleton<NavigationManager>(new Address(path))
            .AddSingleton<ProjectCatalog>()
            .AddSingleton<EvaluationCatalog>()
            .AddSingleton<CheckpointCatalog>()
            .AddSingleton<RunCatalog>()
            .AddSingleton<CycleControl>()
            .AddSingleton(new RunNotifier(NullLogger<RunNotifier>.Instance))
            .AddSingleton<IJSRuntime, NoBrowser>()
            .AddSupplyValueFromQueryProvider()
            .AddCascadingValue(_ => Task.FromResult(new AuthenticationState(user)))
            .BuildServiceProvider();
    }

    // Pages get by without scripts when the browser is gone.
    private sealed class NoBrowser : IJSRuntime
    {
        public ValueTask<TValue> InvokeAsync<TValue>(string identifier, object?[]? args) => throw new JSDisconnectedException("There is no browser.");

        public ValueTask<TValue> InvokeAsync<TValue>(string identifier, CancellationToken cancellationToken, object?[]? args) => InvokeAsync<TValue>(identifier, args);
    }

    /// <summary>An address bar; remembers whether the page said that there is nothing here.</summary>
    internal sealed class Address : NavigationManager
    {
        public Address(string path)
        {
            Initialize("http://localhost/", "http://localhost/" + path);
            OnNotFound += (_, _) => IsNotFound = true;
        }

        public bool IsNotFound { get; private set; }

        protected override void NavigateToCore(string uri, NavigationOptions options) => Uri = ToAbsoluteUri(uri).ToString();
    }
}
