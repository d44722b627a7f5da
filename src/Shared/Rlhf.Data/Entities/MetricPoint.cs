namespace Rlhf.Data.Entities;

/// <summary>One value of a learning curve. A repeated step overwrites its value.</summary>
public sealed class MetricPoint
{
    /// <summary>The run.</summary>
    public required Guid RunId { get; set; }

    /// <summary>The step the value was measured at.</summary>
    public required int Step { get; set; }

    /// <summary>Name of the curve with slashes, for example "objective/kl".</summary>
    public required string Name { get; set; }

    /// <summary>The value; always finite (SQLite has no not-a-number).</summary>
    public required double Value { get; set; }
}
