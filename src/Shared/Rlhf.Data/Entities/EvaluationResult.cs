namespace Rlhf.Data.Entities;

/// <summary>One number that an evaluation run measured. Run, task, variant and metric name it.</summary>
public sealed class EvaluationResult
{
    /// <summary>The run.</summary>
    public required Guid RunId { get; set; }

    /// <summary>The checkpoint it is about; the row outlives its files and its retirement.</summary>
    public required Guid CheckpointId { get; set; }

    /// <summary>The checkpoint it was compared with; null where it was measured alone.</summary>
    public Guid? BaselineCheckpointId { get; set; }

    /// <summary>The suite or task family.</summary>
    public required string Task { get; set; }

    /// <summary>How it was measured: "zero-shot", "3-shot", the judge of a win rate; empty where there is one way only.</summary>
    public required string Variant { get; set; }

    /// <summary>What was measured.</summary>
    public required string Metric { get; set; }

    /// <summary>The number.</summary>
    public required double Value { get; set; }

    /// <summary>Lower end of its 95 % interval; null where it has none.</summary>
    public double? Low { get; set; }

    /// <summary>Upper end.</summary>
    public double? High { get; set; }

    /// <summary>Questions, documents or pairs behind it.</summary>
    public required int Count { get; set; }

    /// <summary>The run's seed.</summary>
    public required long Seed { get; set; }

    /// <summary>When it was stored.</summary>
    public DateTimeOffset CreatedAt { get; set; }
}
