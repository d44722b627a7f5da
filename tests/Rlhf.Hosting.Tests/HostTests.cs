using System.Net;
using MassTransit;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Rlhf.Contracts.Labeling;
using Rlhf.Data;
using Rlhf.TestServers;
using Rlhf.Hosting.Messaging;
using Rlhf.Hosting.Tests.Messaging;

namespace Rlhf.Hosting.Tests;

public sealed class HostTests
{
    [Fact]
    public async Task RabbitMq_Configured_BuildsTheBusWithStableNames()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite", migrate: false);
        await using var host = new MessagingHost(
            database,
            bus => bus.AddConsumer<CountJudgmentConsumer>(),
            null,
            ("Messaging:Transport", "rabbitmq"),
            ("Messaging:RabbitMq:Host", "broker.example"),
            ("Messaging:RabbitMq:User", "rlhf"),
            ("Messaging:RabbitMq:Password", "secret"));

        var bus = host.Services.GetRequiredService<IBusControl>();

        Assert.Equal("broker.example", bus.Address.Host);
        Assert.Equal(["count-judgment"], host.Services.GetRequiredService<EndpointMap>().EndpointsOf(typeof(JudgmentRecorded)));
        Assert.True(bus.Topology.TryGetPublishAddress<JudgmentRecorded>(out var address));
        Assert.Equal("rlhf.labeling.judgment-recorded", address!.AbsolutePath.TrimStart('/'));
    }

    [Fact]
    public async Task Migrator_DirectoryMissing_MakesTheDatabase()
    {
        var directory = Directory.CreateTempSubdirectory("rlhf-host-").FullName;
        try
        {
            var builder = Host.CreateEmptyApplicationBuilder(null);
            builder.Configuration.AddInMemoryCollection([new("Storage:DataDirectory", Path.Combine(directory, "new"))]);
            builder.Logging.SetMinimumLevel(LogLevel.None);
            builder.AddRlhfDefaults().AddRlhfDefaults();
            using var host = builder.Build();

            await host.Services.GetRequiredService<DatabaseMigrator>().MigrateAsync(TestContext.Current.CancellationToken);

            Assert.True(File.Exists(Path.Combine(directory, "new", "rlhf.db")));
            await using var db = await host.Services.GetRequiredService<IDbContextFactory<AppDbContext>>().CreateDbContextAsync(TestContext.Current.CancellationToken);
            Assert.Empty(await db.Projects.ToListAsync(TestContext.Current.CancellationToken));
            await using var scope = host.Services.CreateAsyncScope();
            Assert.Empty(await scope.ServiceProvider.GetRequiredService<AppDbContext>().Projects.ToListAsync(TestContext.Current.CancellationToken));
            Assert.False(db.Database.HasPendingModelChanges());
        }
        finally
        {
            Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
            Directory.Delete(directory, recursive: true);
        }
    }

    [Fact]
    public async Task Migrator_ServerThatNeverAnswers_GivesUpWithTheServersError()
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection([new("Database:Provider", "postgres"), new("Database:ConnectionString", "Host=127.0.0.1;Port=1;Username=x;Password=x;Timeout=1")]);
        builder.AddRlhfDefaults();
        builder.Logging.SetMinimumLevel(LogLevel.None);
        using var host = builder.Build();
        var migrator = host.Services.GetRequiredService<DatabaseMigrator>();
        migrator.Patience = TimeSpan.Zero;

        await Assert.ThrowsAnyAsync<System.Data.Common.DbException>(() => migrator.MigrateAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Health_WithAndWithoutTables_SaysSo()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite", migrate: false);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Configuration.Sources.Clear();
        builder.Configuration.AddInMemoryCollection(MessagingHost.Settings(database.Settings));
        builder.AddRlhfDefaults();
        builder.Services.AddRlhfMessaging(builder.Configuration, _ => { });
        builder.Logging.SetMinimumLevel(LogLevel.None);
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        await using var app = builder.Build();
        app.MapRlhfHealth();
        await app.StartAsync(TestContext.Current.CancellationToken);
        using var client = new HttpClient { BaseAddress = new Uri(app.Urls.First()) };
        async Task<HttpStatusCode> GetAsync(string path) => (await client.GetAsync(new Uri(path, UriKind.Relative), TestContext.Current.CancellationToken)).StatusCode;

        Assert.Equal(HttpStatusCode.OK, await GetAsync("/health/live"));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await GetAsync("/health/ready"));

        await app.Services.GetRequiredService<DatabaseMigrator>().MigrateAsync(TestContext.Current.CancellationToken);

        await Eventually.TrueAsync(async () => await GetAsync("/health/ready") == HttpStatusCode.OK, "the process is ready");
        await app.StopAsync(CancellationToken.None);
    }
}
