using System.Reflection;
using Labeling.Web;
using Labeling.Web.Consumers;
using Labeling.Web.Features.Import;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.Logging.Console;
using RewardModel.Service;
using RewardModel.Service.Consumers;
using Rlhf.Hosting;
using Rlhf.Hosting.Messaging;
using Rlhf.TaskFamilies;
using Trainer.Service;
using Trainer.Service.Consumers;

namespace Rlhf.Cli.AllInOne;

/// <summary>The three services in one process, on SQLite and the in-memory transport: the same code, another provider and transport.</summary>
internal sealed class EmbeddedSystem : IAsyncDisposable
{
    private readonly DataDirectoryLock _lock;

    private EmbeddedSystem(WebApplication app, DataDirectoryLock @lock)
    {
        App = app;
        _lock = @lock;
    }

    /// <summary>The running application.</summary>
    public WebApplication App { get; }

    /// <summary>Its services.</summary>
    public IServiceProvider Services => App.Services;

    /// <summary>Where the site answers.</summary>
    public IReadOnlyList<string> Addresses => [.. App.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses];

    /// <summary>Locks the data directory, migrates the database and starts everything.</summary>
    /// <param name="dataDirectory">Created if it does not exist.</param>
    /// <param name="urls">Where to listen, as ASP.NET Core's <c>--urls</c>.</param>
    /// <param name="quiet">Only warnings in the log: the caller draws on the console.</param>
    /// <param name="prepare">Runs after the migration and before anything starts.</param>
    /// <param name="stop">Abandons the start.</param>
    /// <exception cref="DataDirectoryInUseException">If another process works on the same directory.</exception>
    public static async Task<EmbeddedSystem> StartAsync(
        string dataDirectory, string urls, bool quiet, Func<IServiceProvider, Task>? prepare, CancellationToken stop)
    {
        var directoryLock = DataDirectoryLock.Acquire(dataDirectory);
        try
        {
            var builder = WebApplication.CreateBuilder(new WebApplicationOptions
            {
                ApplicationName = Assembly.GetExecutingAssembly().GetName().Name,
                ContentRootPath = AppContext.BaseDirectory,
            });
            builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
            {
                ["Storage:DataDirectory"] = Path.GetFullPath(dataDirectory),
                ["Database:Provider"] = "sqlite",
                ["Messaging:Transport"] = "inmemory",
                // The lock on the data directory proves that whoever held a run before is dead.
                ["Runs:TakeOverAtStart"] = "true",
                // Nobody else writes the database, so looking often costs nothing, and the next stage starts at once.
                ["Runs:PollInterval"] = "00:00:00.100",
            });
            builder.WebHost.UseUrls(urls);
            if (quiet)
            {
                builder.Logging.SetMinimumLevel(LogLevel.Warning);

                // What the command prints, JSON perhaps, has the standard output to itself.
                builder.Services.Configure<ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
            }

            AddServices(builder);
            builder.Services.AddSingleton<IHostLifetime, CommandLifetime>();
            builder.Services.AddSingleton<ProjectSeeder>();
            builder.Services.AddSingleton<SimulatedSession>();
            builder.Services.AddSingleton(new SimulatedAnnotator());
            builder.Services.AddSingleton<PreferenceImporter>();
            var app = builder.Build();
            app.MapLabelingWeb();
            await app.Services.GetRequiredService<DatabaseMigrator>().MigrateAsync(stop);
            if (prepare is not null)
            {
                await prepare(app.Services);
            }

            await app.StartAsync(stop);
            return new EmbeddedSystem(app, directoryLock);
        }
        catch
        {
            directoryLock.Dispose();
            throw;
        }
    }

    /// <summary>Registers everything the three services register.</summary>
    public static void AddServices(WebApplicationBuilder builder)
    {
        builder.AddLabelingWeb();
        builder.AddTrainer();
        builder.AddRewardModel();
        builder.Services.AddRlhfMessaging(builder.Configuration, bus =>
        {
            bus.AddLabelingConsumers();
            bus.AddTrainerConsumers();
            bus.AddRewardModelConsumers();
        });
    }

    /// <summary>Stops the site, lets a running run save its state, and gives the data directory back.</summary>
    public async ValueTask DisposeAsync()
    {
        await App.StopAsync();
        await App.DisposeAsync();
        _lock.Dispose();
    }

    // The command listens for Ctrl+C and SIGTERM itself; a second listener would only stop the host under it.
    private sealed class CommandLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
