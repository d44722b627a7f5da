using Microsoft.EntityFrameworkCore;
using Rlhf.Data;
using Rlhf.Data.Entities;

namespace Labeling.Web.Features.Api;

/// <summary>A key as its owner's page lists it.</summary>
/// <param name="Id">Key of the row.</param>
/// <param name="Name">What the owner calls it.</param>
/// <param name="Start">The first characters of the key, to recognise it by.</param>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="LastUsedAt">When it was used last, to the hour; null if never.</param>
public sealed record ApiKeyRow(Guid Id, string Name, string Start, DateTimeOffset CreatedAt, DateTimeOffset? LastUsedAt);

/// <summary>Whom a key stands for.</summary>
/// <param name="UserId">The account.</param>
/// <param name="Roles">Its roles.</param>
public sealed record ApiKeyOwner(Guid UserId, IReadOnlyList<string> Roles);

/// <summary>The keys with which programs act for a user over the HTTP API.</summary>
public sealed class ApiKeys(IDbContextFactory<AppDbContext> contexts, TimeProvider time)
{
    /// <summary>How many good keys an account may have.</summary>
    public const int MaxPerUser = 20;

    /// <summary>The longest name.</summary>
    public const int MaxNameLength = 100;

    private static readonly TimeSpan s_lastUsedResolution = TimeSpan.FromHours(1);

    /// <summary>Makes a key. Its text is returned here and nowhere else: only its hash is stored.</summary>
    /// <returns>The key's text, or null and what is wrong.</returns>
    public async Task<(string? Key, string? Error)> CreateAsync(Guid userId, string name, CancellationToken cancellationToken = default)
    {
        if (string.IsNullOrWhiteSpace(name) || name.Trim().Length > MaxNameLength)
        {
            return (null, $"The name needs 1 to {MaxNameLength} characters.");
        }

        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        if (await db.ApiKeys.CountAsync(k => k.UserId == userId && k.RevokedAt == null, cancellationToken) >= MaxPerUser)
        {
            return (null, $"There are {MaxPerUser} keys already; revoke one that is not needed any more.");
        }

        var secret = ApiKeyText.NewSecret();
        var key = new ApiKey { UserId = userId, Name = name.Trim(), SecretHash = ApiKeyText.Hash(secret), CreatedAt = time.GetUtcNow() };
        db.ApiKeys.Add(key);
        await db.SaveChangesAsync(cancellationToken);
        return (ApiKeyText.Format(key.Id, secret), null);
    }

    /// <summary>The user's good keys, the newest first.</summary>
    public async Task<IReadOnlyList<ApiKeyRow>> ListAsync(Guid userId, CancellationToken cancellationToken = default)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var keys = await db.ApiKeys.AsNoTracking()
            .Where(k => k.UserId == userId && k.RevokedAt == null).OrderByDescending(k => k.CreatedAt).ThenByDescending(k => k.Id).ToListAsync(cancellationToken);
        return [.. keys.Select(k => new ApiKeyRow(k.Id, k.Name, ApiKeyText.Format(k.Id, ""), k.CreatedAt, k.LastUsedAt))];
    }

    /// <summary>Makes a key of this user useless, at once. False if there is no such good key.</summary>
    public async Task<bool> RevokeAsync(Guid userId, Guid keyId, CancellationToken cancellationToken = default)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var now = time.GetUtcNow();
        return await db.ApiKeys.Where(k => k.Id == keyId && k.UserId == userId && k.RevokedAt == null)
            .ExecuteUpdateAsync(set => set.SetProperty(k => k.RevokedAt, now), cancellationToken) == 1;
    }

    /// <summary>Whose key this is; null if it is none, wrong or revoked, or if its owner is locked out.</summary>
    public async Task<ApiKeyOwner?> FindOwnerAsync(string text, CancellationToken cancellationToken = default)
    {
        if (!ApiKeyText.TryParse(text, out var id, out var secret))
        {
            return null;
        }

        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var now = time.GetUtcNow();
        var row = await (
            from key in db.ApiKeys.AsNoTracking()
            join user in db.Users on key.UserId equals user.Id
            where key.Id == id && key.RevokedAt == null
            select new
            {
                key.SecretHash,
                key.LastUsedAt,
                user.Id,
                user.LockoutEnd,
                Roles = (from userRole in db.UserRoles
                         where userRole.UserId == user.Id
                         join role in db.Roles on userRole.RoleId equals role.Id
                         select role.Name!).ToList(),
            }).SingleOrDefaultAsync(cancellationToken);
        if (row is null || !ApiKeyText.Matches(secret, row.SecretHash) || row.LockoutEnd > now)
        {
            return null;
        }

        if (row.LastUsedAt is not { } last || now - last >= s_lastUsedResolution)
        {
            await db.ApiKeys.Where(k => k.Id == id).ExecuteUpdateAsync(set => set.SetProperty(k => k.LastUsedAt, now), cancellationToken);
        }

        return new ApiKeyOwner(row.Id, row.Roles);
    }
}
