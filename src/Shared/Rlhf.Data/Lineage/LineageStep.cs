using Rlhf.Data.Entities;

namespace Rlhf.Data.Lineage;

/// <summary>One checkpoint on the way back from another.</summary>
/// <param name="Checkpoint">It.</param>
/// <param name="Run">The run that published it; null for an import.</param>
/// <param name="Distance">Edges to the checkpoint the walk began with; 0 for itself.</param>
public sealed record LineageStep(Checkpoint Checkpoint, Run? Run, int Distance);
