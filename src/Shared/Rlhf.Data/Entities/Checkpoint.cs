using Rlhf.Contracts.Training;

namespace Rlhf.Data.Entities;

/// <summary>Published weights with tokenizer and config, and where they came from.</summary>
public sealed class Checkpoint
{
    /// <summary>Key (time-ordered).</summary>
    public Guid Id { get; set; } = Guid.CreateVersion7();

    /// <summary>The project.</summary>
    public required Guid ProjectId { get; set; }

    /// <summary>One of <see cref="CheckpointKinds"/>.</summary>
    public required string Kind { get; set; }

    /// <summary>Counts up from 1 within project and kind.</summary>
    public int Version { get; set; }

    /// <summary>Its directory, relative to the checkpoint store.</summary>
    public required string Path { get; set; }

    /// <summary>SHA-256 over its files.</summary>
    public required string ContentHash { get; set; }

    /// <summary>The checkpoint its run started from.</summary>
    public Guid? ParentId { get; set; }

    /// <summary>The run that published it; null for an import.</summary>
    public Guid? RunId { get; set; }

    /// <summary>When it was published.</summary>
    public DateTimeOffset CreatedAt { get; set; }

    /// <summary>Bytes of its files.</summary>
    public long SizeBytes { get; set; }

    /// <summary>Since when its files are kept whatever the retention says; null: they may go.</summary>
    public DateTimeOffset? PinnedAt { get; set; }

    /// <summary>Since when it descends from judgments that were taken back afterwards; null: it does not.</summary>
    public DateTimeOffset? TaintedAt { get; set; }

    /// <summary>Whose judgments were taken back, and why.</summary>
    public string? TaintReason { get; set; }

    /// <summary>When its files were removed by the retention; the row stays for the lineage.</summary>
    public DateTimeOffset? FilesDeletedAt { get; set; }

    /// <summary>When it was withdrawn.</summary>
    public DateTimeOffset? RetiredAt { get; set; }
}
