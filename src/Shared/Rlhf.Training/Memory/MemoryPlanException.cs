namespace Rlhf.Training.Memory;

/// <summary>A run does not fit into memory; the message has the sum.</summary>
public sealed class MemoryPlanException(string message) : Exception(message);
