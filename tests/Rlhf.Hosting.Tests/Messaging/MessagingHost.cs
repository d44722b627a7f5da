using MassTransit;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Rlhf.Data;
using Rlhf.TestServers;
using Rlhf.Hosting.Messaging;

namespace Rlhf.Hosting.Tests.Messaging;

/// <summary>A process of the system on a test's database, with the in-memory transport unless told otherwise.</summary>
internal sealed class MessagingHost : IAsyncDisposable
{
    private readonly IHost _host;

    public MessagingHost(TestDatabase database, Action<IBusRegistrationConfigurator> consumers, Action<IServiceCollection>? services = null, params (string Key, string Value)[] settings)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection(Settings(database, settings));
        builder.Logging.SetMinimumLevel(LogLevel.None);
        builder.Services.AddSingleton(Script);
        builder.Services.AddRlhfMessaging(builder.Configuration, consumers);
        services?.Invoke(builder.Services);
        _host = builder.Build();
    }

    public Script Script { get; } = new();

    public IServiceProvider Services => _host.Services;

    public static Dictionary<string, string?> Settings(TestDatabase database, params (string Key, string Value)[] settings)
    {
        Dictionary<string, string?> all = new()
        {
            ["Database:Provider"] = database.Provider,
            ["Database:ConnectionString"] = database.ConnectionString,
            ["Messaging:RetryDelay"] = "00:00:00.020",
            ["Messaging:PollInterval"] = "00:00:00.050",
            ["Messaging:ImmediateRetries"] = "0",
        };
        foreach (var (key, value) in settings)
        {
            all[key] = value;
        }

        return all;
    }

    public Task StartAsync() => _host.StartAsync(TestContext.Current.CancellationToken);

    public Task StopAsync() => _host.StopAsync(CancellationToken.None);

    /// <summary>Publishes past the outbox, as a broker delivers a message again.</summary>
    public Task PublishAsync<T>(T message, Guid messageId)
        where T : class => Services.GetRequiredService<IBus>().Publish(message, context => context.MessageId = messageId, TestContext.Current.CancellationToken);

    /// <summary>Saves messages as a feature does.</summary>
    public async Task<Guid[]> SendAsync(params object[] messages)
    {
        await using var db = await Services.GetRequiredService<IDbContextFactory<AppDbContext>>().CreateDbContextAsync();
        var rows = messages.Select(m => OutboxWriter.Add(db, m)).ToArray();
        await db.SaveChangesAsync();
        return [.. rows.Select(r => r.MessageId)];
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _host.Dispose();
    }
}
