using MassTransit;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Rlhf.Data;

namespace Rlhf.Hosting.Messaging;

/// <summary>Registration of the bus, the outbox and the inbox.</summary>
public static class MessagingServices
{
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
            provider.GetServices<IFailedMessageHandler>(),
            provider.GetRequiredService<IOptions<MessagingOptions>>(),
            provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<OutboxDispatcher>();
        services.AddSingleton<MessageRetention>();

        services.AddMassTransit(bus =>
        {
            bus.DisableUsageTelemetry();
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
        configurator.ConcurrentMessageLimit = options.ConcurrentMessages;
        if (configurator is IRabbitMqReceiveEndpointConfigurator rabbit)
        {
            rabbit.SetQuorumQueue();
        }

        configurator.ConnectConsumerConfigurationObserver(new EndpointMap.Observer(endpoints, endpoint));
        configurator.UseFilter(context.GetRequiredService<FailureFilter>());
        configurator.UseMessageRetry(retry =>
        {
            retry.Handle<Exception>(exception => !FailedMessageStore.IsPermanent(exception));
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
}
