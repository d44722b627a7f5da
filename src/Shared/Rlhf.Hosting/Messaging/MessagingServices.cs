using MassTransit;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Rlhf.Data;

namespace Rlhf.Hosting.Messaging;

/// <summary>Registration of the bus, the outbox and the inbox.</summary>
public static class MessagingServices
{
    private const int MaxErrorQueueLength = 10_000;
    private static readonly TimeSpan s_errorQueueRetention = TimeSpan.FromDays(14);

    /// <summary>
    /// Registers the bus of section "Messaging" with the given consumers, once per process. Every endpoint is named after its consumer in
    /// kebab-case and gets, outermost first: recording of failures, immediate retries, the inbox transaction. A consumer takes the scoped
    /// <see cref="AppDbContext"/>, maps, makes one domain call, adds messages with <see cref="OutboxWriter"/>, and saves once.
    /// </summary>
    /// <exception cref="OptionsValidationException">A value is missing or not legal.</exception>
    public static IServiceCollection AddRlhfMessaging(this IServiceCollection services, IConfiguration configuration, Action<IBusRegistrationConfigurator> consumers)
    {
        var options = configuration.ReadRlhfOptions(MessagingOptions.Section, new MessagingOptions.Validator());
        services.AddSingleton<IValidateOptions<MessagingOptions>, MessagingOptions.Validator>();
        services.AddRlhfOptions<MessagingOptions>(MessagingOptions.Section);
        services.AddRlhfData(configuration);

        var endpoints = new EndpointMap();
        services.AddSingleton(endpoints);
        services.AddSingleton<OutboxSettlement>();
        services.AddSingleton<FailureFilter>();
        services.AddSingleton(provider => new FailedMessageStore(
            provider.GetRequiredService<IDbContextFactory<AppDbContext>>(),
            provider.GetRequiredService<OutboxSettlement>(),
            provider.GetRequiredService<OutboxSignal>(),
            provider.GetServices<IFailedMessageHandler>(),
            provider.GetRequiredService<IOptions<MessagingOptions>>(),
            provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<OutboxQueue>();
        services.AddSingleton(CreateDispatcher);
        services.AddSingleton<MessageRetention>();
        services.AddReadyCheck<BusHealthCheck>("bus");

        services.AddMassTransit(bus =>
        {
            bus.DisableUsageTelemetry();

            // The check above says which part is missing; the bus's own one stays out of the answer.
            bus.ConfigureHealthCheckOptions(check => check.Tags.Remove(HealthEndpoints.ReadyTag));
            bus.SetKebabCaseEndpointNameFormatter();
            consumers(bus);
            bus.AddConfigureEndpointsCallback((context, endpoint, configurator) => ConfigureEndpoint(context, endpoint, configurator, endpoints, options));
            if (options.IsDurable)
            {
                bus.UsingRabbitMq((context, rabbit) =>
                {
                    rabbit.Host(options.RabbitMq.Host, (ushort)options.RabbitMq.Port, options.RabbitMq.VirtualHost, host =>
                    {
                        host.Username(options.RabbitMq.User);
                        host.Password(options.RabbitMq.Password);
                    });
                    rabbit.MessageTopology.SetEntityNameFormatter(new StableEntityNames(rabbit.MessageTopology.EntityNameFormatter));
                    rabbit.PrefetchCount = 16;
                    rabbit.SendTopology.ConfigureErrorSettings = Bound;
                    rabbit.SendTopology.ConfigureDeadLetterSettings = Bound;
                    rabbit.ConfigureEndpoints(context);
                });
            }
            else
            {
                bus.UsingInMemory((context, memory) => memory.ConfigureEndpoints(context));
            }
        });

        // After the bus, so that the host stops them before it.
        services.AddHostedService(provider => provider.GetRequiredService<OutboxDispatcher>());
        services.AddHostedService(provider => provider.GetRequiredService<MessageRetention>());
        services.AddHostedService<OutboxMonitor>();
        return services;
    }

    private static void ConfigureEndpoint(
        IRegistrationContext context,
        string endpoint,
        IReceiveEndpointConfigurator configurator,
        EndpointMap endpoints,
        MessagingOptions options)
    {
        // Failures become rows; nobody listens to the bus's own fault messages.
        configurator.PublishFaults = false;
        if (configurator is IRabbitMqReceiveEndpointConfigurator rabbit)
        {
            // One replica of a service works on a queue at a time, the next takes over when it dies: what two handle side by side has no order.
            rabbit.SetQuorumQueue();
            rabbit.SingleActiveConsumer = true;
            rabbit.ConfigureReceive(receive => receive.UseFilter(new DeliveryOrderFilter(new SemaphoreSlim(options.ConcurrentMessages))));
            rabbit.ConfigureDeadLetter(skipped => skipped.UseFilter(new SkippedMessageFilter(context.GetRequiredService<FailedMessageStore>())));
        }
        else
        {
            // The dispatcher itself waits with an aggregate's next message.
            configurator.ConcurrentMessageLimit = options.ConcurrentMessages;
        }

        configurator.ConnectConsumerConfigurationObserver(new EndpointMap.Observer(endpoints, endpoint));
        configurator.UseFilter(context.GetRequiredService<FailureFilter>());
        configurator.UseMessageRetry(retry =>
        {
            retry.Handle<Exception>(exception => exception is not HeldBackException && !FailedMessageStore.IsPermanent(exception));
            if (options.ImmediateRetries == 0)
            {
                retry.None();
            }
            else
            {
                retry.Incremental(options.ImmediateRetries, TimeSpan.FromMilliseconds(50), TimeSpan.FromMilliseconds(200));
            }
        });
        configurator.UseConsumeFilter(typeof(InboxFilter<>), context);
    }

    // The rows of FailedMessages are what people work with; the copies in the broker must not fill it.
    private static void Bound(IRabbitMqQueueConfigurator queue)
    {
        // Inherited from the queue it belongs to; people who look into it need not wait for each other.
        queue.SetQueueArgument("x-single-active-consumer", null);
        queue.SetQueueArgument("x-max-length", MaxErrorQueueLength);
        queue.SetQueueArgument("x-message-ttl", (int)s_errorQueueRetention.TotalMilliseconds);
    }

    internal static OutboxDispatcher CreateDispatcher(IServiceProvider provider) => new(
        provider.GetRequiredService<OutboxQueue>(),
        provider.GetRequiredService<IBusControl>(),
        provider.GetRequiredService<EndpointMap>(),
        provider.GetRequiredService<FailedMessageStore>(),
        provider.GetRequiredService<OutboxSignal>(),
        provider.GetRequiredService<IOptions<MessagingOptions>>(),
        provider.GetRequiredService<ILogger<OutboxDispatcher>>());
}
