namespace Rlhf.Data.Lineage;

/// <summary>What taking an annotator's judgments back changed.</summary>
/// <param name="Judgments">Judgments that stopped counting.</param>
/// <param name="ReopenedTasks">Comparison tasks that want judgments again.</param>
/// <param name="TaintedCheckpoints">Checkpoints that are tainted since.</param>
public sealed record RetractionResult(int Judgments, int ReopenedTasks, int TaintedCheckpoints);
