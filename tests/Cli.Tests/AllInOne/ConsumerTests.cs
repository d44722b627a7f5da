using MassTransit;
using Microsoft.AspNetCore.Builder;
using Rlhf.Cli.AllInOne;
using Rlhf.Contracts;

namespace Rlhf.Cli.Tests.AllInOne;

public sealed class ConsumerTests
{
    // An event that is on the list and has a consumer could be dropped before its queue exists; one with neither would wait in the outbox for ever.
    // A command waits for whoever does it, also where that is no service of this version.
    [Fact]
    public void Events_OfThreeServices_HaveAConsumerOrAreListedAsUnconsumed()
    {
        var builder = WebApplication.CreateBuilder();
        EmbeddedSystem.AddServices(builder);

        var consumed = builder.Services
            .SelectMany(service => service.ServiceType.GetInterfaces())
            .Where(i => i.IsGenericType && i.GetGenericTypeDefinition() == typeof(IConsumer<>))
            .Select(i => i.GetGenericArguments()[0])
            .Where(MessageTypes.All.Values.Contains)
            .Distinct();

        Assert.Equal(
            MessageTypes.All.Values.Except(MessageTypes.Commands).Except(consumed).Select(type => type.Name).Order(StringComparer.Ordinal),
            MessageTypes.Unconsumed.Select(type => type.Name).Order(StringComparer.Ordinal));
    }
}
