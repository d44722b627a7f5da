using MassTransit;
using Rlhf.Contracts;

namespace Rlhf.Hosting.Messaging;

/// <summary>Exchanges are named after the registry, not after types, so that a renamed type keeps its exchange.</summary>
internal sealed class StableEntityNames(IEntityNameFormatter others) : IEntityNameFormatter
{
    public string FormatEntityName<T>() =>
        MessageTypes.All.Values.Contains(typeof(T)) ? "rlhf." + MessageTypes.NameOf(typeof(T)) : others.FormatEntityName<T>();
}
