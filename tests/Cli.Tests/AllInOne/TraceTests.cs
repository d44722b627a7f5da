using System.Diagnostics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OpenTelemetry.Trace;
using Rlhf.Cli.AllInOne;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Data.Entities;
using Rlhf.Hosting;
using Rlhf.Hosting.Telemetry;
using Rlhf.TaskFamilies;
using Rlhf.Torch.Extensions;

namespace Rlhf.Cli.Tests.AllInOne;

/// <summary>What docs/guides/operations.md draws: from a click to the new policy in one trace.</summary>
public sealed class TraceTests
{
    private const int Judgments = 4;
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(8);

    [Fact]
    public async Task OneJudgment_IsFollowedFromTheClickToThePublishedCheckpoint()
    {
        Assert.SkipUnless(TorchRuntime.IsAvailable, "libtorch is not installed (./rlhf test installs it)");
        var stop = TestContext.Current.CancellationToken;
        var folder = Directory.CreateTempSubdirectory("rlhf-trace-").FullName;
        var spans = new List<Activity>();
        var clicks = new List<ActivityTraceId>();
        HashSet<ActivityTraceId> stored;
        try
        {
            await using var app = Build(folder, spans);
            await app.Services.GetRequiredService<DatabaseMigrator>().MigrateAsync(stop);
            var projectId = await CreateProjectAsync(app.Services, stop);
            await app.StartAsync(stop);

            // Each judgment in a trace of its own, as a page's event has it.
            using var page = new ActivitySource("Microsoft.AspNetCore.Components");
            for (var i = 1; i <= Judgments; i++)
            {
                using var click = page.StartActivity("click");
                clicks.Add(click!.TraceId);
                await app.Services.GetRequiredService<SimulatedSession>().AnnotateAsync(projectId, i, seed: 1, _ => { }, stop);
            }

            await WaitForCycleAsync(app.Services, projectId, stop);
            stored = await StoredTracesAsync(app.Services, stop);
            await app.StopAsync(stop);
            app.Services.GetRequiredService<TracerProvider>().ForceFlush();
        }
        finally
        {
            SqliteConnection.ClearAllPools();
            Directory.Delete(folder, recursive: true);
        }

        // The cycle is a span of the judgment that completed it, and links to what is stored with each of its judgments.
        var start = Assert.Single(spans, s => s.DisplayName == "cycle.start");
        Assert.Contains(start.TraceId, clicks);
        Assert.Equal(stored, start.Links.Select(l => l.Context.TraceId).ToHashSet());
        Assert.Subset(clicks.ToHashSet(), stored);

        // Up from each run there is the message about the judgment, and up from that the click: no step on the way lost the context.
        var byId = spans.ToDictionary(s => s.SpanId);
        foreach (var kind in (string[])[RunKinds.RewardModel, RunKinds.Ppo, RunKinds.Sample])
        {
            var run = spans.Last(s => s.DisplayName == $"run {kind}" && s.TraceId == start.TraceId);
            var path = PathToTheRoot(run, byId).ToList();
            Assert.True(path.Contains("judgment-recorded process") && path[^1] == "click", $"run {kind}: {string.Join(" < ", path)}");
        }

        // And down from PPO's there is the message about its checkpoint.
        var ppo = spans.Last(s => s.DisplayName == $"run {RunKinds.Ppo}");
        Assert.Contains(spans, s => s.DisplayName.Contains("CheckpointPublished", StringComparison.Ordinal) && IsBelow(s, ppo, byId));
    }

    private static IEnumerable<string> PathToTheRoot(Activity span, Dictionary<ActivitySpanId, Activity> byId)
    {
        for (var current = span; current is not null; current = byId.GetValueOrDefault(current.ParentSpanId))
        {
            yield return current.DisplayName;
        }
    }

    private static bool IsBelow(Activity span, Activity above, Dictionary<ActivitySpanId, Activity> byId)
    {
        for (var current = span; current is not null; current = byId.GetValueOrDefault(current.ParentSpanId))
        {
            if (current == above)
            {
                return true;
            }
        }

        return false;
    }

    private static WebApplication Build(string folder, List<Activity> spans)
    {
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        builder.Configuration.AddInMemoryCollection(
        [
            new("Storage:DataDirectory", folder),
            new("Runs:PollInterval", "00:00:00.100"),
        ]);
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        EmbeddedSystem.AddServices(builder);
        builder.Services.AddSingleton<ProjectSeeder>();
        builder.Services.AddSingleton<SimulatedSession>();
        builder.Services.AddSingleton(new SimulatedAnnotator());
        builder.Services.ConfigureOpenTelemetryTracerProvider(tracing => tracing.AddInMemoryExporter(spans));
        return builder.Build();
    }

    private static Task<Guid> CreateProjectAsync(IServiceProvider services, CancellationToken stop)
    {
        var (project, prompts) = DemoProjects.Interactive();
        project.JudgmentsPerCycle = Judgments;
        project.PromptsPerCycle = Judgments + 4;
        project.HeldOutFraction = 0;
        project.RewardConfigJson = """{"epochs": 1, "batch_size": 2, "evaluate_every": 2}""";
        project.PpoConfigJson = """{"updates": 1, "batch_size": 4, "epochs": 1, "minibatch_count": 1, "micro_batch_size": 4, "max_new_tokens": 8}""";
        project.SamplingConfigJson = """{"max_new_tokens": 8}""";
        return services.GetRequiredService<ProjectSeeder>().CreateAsync(project, prompts, BaseModel.RequireDirectory(), stop);
    }

    private static async Task<HashSet<ActivityTraceId>> StoredTracesAsync(IServiceProvider services, CancellationToken stop)
    {
        await using var db = await services.GetRequiredService<IDbContextFactory<AppDbContext>>().CreateDbContextAsync(stop);
        var traces = await db.Judgments.Where(j => j.TraceParent != null).Select(j => j.TraceParent!).ToListAsync(stop);
        return [.. traces.Select(t => ActivityContext.Parse(t, null).TraceId)];
    }

    private static async Task WaitForCycleAsync(IServiceProvider services, Guid projectId, CancellationToken stop)
    {
        var clock = Stopwatch.StartNew();
        string? status = null;
        while (status != CycleStatuses.Completed)
        {
            Assert.True(clock.Elapsed < s_patience, $"the cycle is not completed but {status ?? "not begun"}");
            await Task.Delay(50, stop);
            await using var db = await services.GetRequiredService<IDbContextFactory<AppDbContext>>().CreateDbContextAsync(stop);
            var cycle = await db.Cycles.AsNoTracking().SingleOrDefaultAsync(c => c.ProjectId == projectId && c.Number == 1, stop);
            status = cycle?.Status;
            Assert.False(status is CycleStatuses.Failed or CycleStatuses.Halted, cycle?.Reason);
        }
    }
}
