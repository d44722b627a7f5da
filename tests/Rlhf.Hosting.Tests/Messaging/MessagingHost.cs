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

/// <summary>A process of the system on a test's servers.</summary>
internal sealed class MessagingHost : IAsyncDisposable
{
    private readonly IHost _host;

    public MessagingHost(TestDatabase database, Action<IBusRegistrationConfigurator> consumers, Action<IServiceCollection>? services = null, params (string Key, string Value)[] settings)
        : this(database.Settings, consumers, services, settings)
    {
    }

    public MessagingHost(TestStack stack, Action<IBusRegistrationConfigurator> consumers, Action<IServiceCollection>? services = null, params (string Key, string Value)[] settings)
        : this(stack.Settings, consumers, services, settings)
    {
    }

    public MessagingHost(
        IEnumerable<KeyValuePair<string, string?>> servers,
        Action<IBusRegistrationConfigurator> consumers,
        Action<IServiceCollection>? services = null,
        params (string Key, string Value)[] settings)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection(Settings(servers, settings));
        builder.Logging.SetMinimumLevel(LogLevel.None);
        builder.Services.AddSingleton(Script);
        builder.Services.AddRlhfMessaging(builder.Configuration, consumers);
        services?.Invoke(builder.Services);
        _host = builder.Build();
    }

    public Script Script { get; } = new();

    public IServiceProvider Services => _host.Services;

    public static Dictionary<string, string?> Settings(IEnumerable<KeyValuePair<string, string?>> servers, params (string Key, string Value)[] settings)
    {
        Dictionary<string, string?> all = new(servers)
        {
            ["Messaging:RetryDelay"] = "00:00:00.020",
            ["Messaging:PollInterval"] = "00:00:00.050",
            ["Messaging:ImmediateRetries"] = "0",

            // What the test consumers send, and nobody here takes.
            ["Messaging:Unconsumed:0"] = "training.cancel-run",
            ["Messaging:Unconsumed:1"] = "labeling.prompts-imported",
        };
        foreach (var (key, value) in settings)
        {
            all[key] = value;
        }

        return all;
    }

    /// <summary>A second dispatcher, as another process has one.</summary>
    public OutboxDispatcher NewDispatcher() => MessagingServices.CreateDispatcher(Services);

    /// <summary>Starts it and waits until it listens.</summary>
    public async Task StartAsync()
    {
        await StartWithoutBrokerAsync();
        await Services.GetRequiredService<IBusControl>().WaitForHealthStatus(BusHealthStatus.Healthy, TimeSpan.FromMinutes(2));
    }

    /// <summary>Starts it and does not wait for a broker.</summary>
    public Task StartWithoutBrokerAsync() => _host.StartAsync(TestContext.Current.CancellationToken);

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
