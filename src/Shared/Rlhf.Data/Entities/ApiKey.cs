namespace Rlhf.Data.Entities;

/// <summary>A key with which a program acts for a user over the HTTP API. The key itself is shown once and not stored.</summary>
public sealed class ApiKey
{
    /// <summary>Key of the row; also the part of the API key that is no secret.</summary>
    public Guid Id { get; set; } = Guid.CreateVersion7();

    /// <summary>Whose it is: it may do what the user may do.</summary>
    public required Guid UserId { get; set; }

    /// <summary>What the user calls it.</summary>
    public required string Name { get; set; }

    /// <summary>SHA-256 of the secret (256 random bits, so it needs no salt), lower-case hexadecimal.</summary>
    public required string SecretHash { get; set; }

    /// <summary>When it was made.</summary>
    public DateTimeOffset CreatedAt { get; set; }

    /// <summary>When it was used last, to the hour.</summary>
    public DateTimeOffset? LastUsedAt { get; set; }

    /// <summary>When it was revoked; null while it is good.</summary>
    public DateTimeOffset? RevokedAt { get; set; }
}
