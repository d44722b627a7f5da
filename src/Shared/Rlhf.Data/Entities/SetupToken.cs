namespace Rlhf.Data.Entities;

/// <summary>A one-time token that lets the first admin account be made.</summary>
public sealed class SetupToken
{
    /// <summary>Key (time-ordered).</summary>
    public Guid Id { get; set; } = Guid.CreateVersion7();

    /// <summary>SHA-256 of the token in hexadecimal; the token itself is only shown once.</summary>
    public required string TokenHash { get; set; }

    /// <summary>When it stops working.</summary>
    public DateTimeOffset ExpiresAt { get; set; }

    /// <summary>When it was used.</summary>
    public DateTimeOffset? UsedAt { get; set; }
}
