namespace Rlhf.Hosting.Messaging;

/// <summary>
/// Payload of a delivery that some consumer of its endpoint takes. The bus itself only counts what a consumer was given, and would take a duplicate, or a
/// failure that is written down, for a message nobody knows.
/// </summary>
internal sealed class KnownMessage
{
    private KnownMessage()
    {
    }

    public static KnownMessage Instance { get; } = new();
}
