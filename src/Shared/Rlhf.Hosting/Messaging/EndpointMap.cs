using System.Collections.Concurrent;
using MassTransit;

namespace Rlhf.Hosting.Messaging;

/// <summary>
/// Which endpoints of this process consume which message: filled while the bus is configured. With the in-memory transport it says
/// when a message is settled; a message nobody consumes is settled when it is published.
/// </summary>
public sealed class EndpointMap
{
    private readonly ConcurrentDictionary<Type, HashSet<string>> _endpoints = new();

    /// <summary>The endpoints that consume a message type; none, one or several.</summary>
    public IReadOnlyCollection<string> EndpointsOf(Type messageType) =>
        _endpoints.TryGetValue(messageType, out var endpoints) ? endpoints : [];

    internal static string NameOf(Uri inputAddress) => Uri.UnescapeDataString(inputAddress.AbsolutePath[(inputAddress.AbsolutePath.LastIndexOf('/') + 1)..]);

    private void Add(Type messageType, string endpoint, Type consumerType)
    {
        if (!_endpoints.GetOrAdd(messageType, _ => []).Add(endpoint))
        {
            throw new ConfigurationException(
                $"Endpoint '{endpoint}' has a second consumer of {messageType.Name} ({consumerType.FullName}). A message counts as handled per endpoint: give one of the consumers another class name.");
        }
    }

    internal sealed class Observer(EndpointMap map, string endpoint) : IConsumerConfigurationObserver
    {
        public void ConsumerConfigured<TConsumer>(IConsumerConfigurator<TConsumer> configurator)
            where TConsumer : class
        {
        }

        public void ConsumerMessageConfigured<TConsumer, TMessage>(IConsumerMessageConfigurator<TConsumer, TMessage> configurator)
            where TConsumer : class
            where TMessage : class => map.Add(typeof(TMessage), endpoint, typeof(TConsumer));
    }
}
