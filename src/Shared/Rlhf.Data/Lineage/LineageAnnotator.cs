namespace Rlhf.Data.Lineage;

/// <summary>An annotator's part in a checkpoint.</summary>
/// <param name="AnnotatorId">Who; null for imported and simulated judgments.</param>
/// <param name="Judgments">Judgments of theirs that are in it.</param>
/// <param name="Retracted">How many of these were taken back since.</param>
public sealed record LineageAnnotator(Guid? AnnotatorId, int Judgments, int Retracted);
