namespace Rlhf.Hosting.Messaging;

/// <summary>An earlier message of the same aggregate has failed on this endpoint and waits to be delivered again; this one must not go first.</summary>
internal sealed class HeldBackException() : Exception("An earlier message of the same aggregate waits to be delivered again.");
