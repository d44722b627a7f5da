using MassTransit;
using Microsoft.AspNetCore.Builder;
using Rlhf.Cli.AllInOne;
using Rlhf.Contracts;

namespace Rlhf.Cli.Tests.AllInOne;

public sealed class ConsumerTests
{
    // A message that is on the list and has a consumer could be dropped before its queue exists; one with neither would wait in the outbox for ever.
    [Fact]
    public void Messages_OfThreeServices_HaveAConsumerOrAreListedAsUnconsumed()
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
            MessageTypes.All.Values.Except(consumed).Select(type => type.Name).Order(StringComparer.Ordinal),
            MessageTypes.Unconsumed.Select(type => type.Name).Order(StringComparer.Ordinal));
    }
}
