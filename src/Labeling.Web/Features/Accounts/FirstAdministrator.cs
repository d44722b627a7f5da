using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Rlhf.Data;
using Rlhf.Data.Entities;

namespace Labeling.Web.Features.Accounts;

/// <summary>
/// There is no default account. Whoever can read the server's console gets a one-time link and makes the first administrator with it.
/// The database holds only the token's SHA-256.
/// </summary>
public sealed class FirstAdministrator(IServiceScopeFactory scopes, TimeProvider time)
{
    /// <summary>How long the link can be used.</summary>
    public static readonly TimeSpan LinkLifetime = TimeSpan.FromHours(24);

    /// <summary>A fresh one-time link, which makes earlier ones useless; null if there already is an administrator.</summary>
    /// <param name="baseUrl">Where the site answers, such as <c>http://localhost:5080</c>.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    public async Task<Uri?> CreateSetupLinkAsync(Uri baseUrl, CancellationToken cancellationToken = default)
    {
        await using var scope = scopes.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<AppDbContext>();
        if (await ExistsAsync(db, cancellationToken))
        {
            return null;
        }

        var now = time.GetUtcNow();
        var token = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        await db.SetupTokens.Where(t => t.UsedAt == null).ExecuteDeleteAsync(cancellationToken);
        db.SetupTokens.Add(new SetupToken { TokenHash = HashOf(token), ExpiresAt = now + LinkLifetime });
        await db.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return new Uri(baseUrl, $"/setup?token={token}");
    }

    /// <summary>True if the token can still be used.</summary>
    public async Task<bool> IsUsableAsync(string? token, CancellationToken cancellationToken = default)
    {
        await using var scope = scopes.CreateAsyncScope();
        return await Usable(scope.ServiceProvider.GetRequiredService<AppDbContext>(), token).AnyAsync(cancellationToken);
    }

    /// <summary>Makes the first administrator and uses the token up, or returns what is wrong and changes nothing.</summary>
    public async Task<IReadOnlyList<string>> CreateAsync(
        string? token, string displayName, string email, string password, CancellationToken cancellationToken = default)
    {
        await using var scope = scopes.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<AppDbContext>();
        var users = scope.ServiceProvider.GetRequiredService<UserManager<AppUser>>();
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        var now = time.GetUtcNow();

        // Conditional, so that of two requests with the same token only one goes on.
        var used = await Usable(db, token).ExecuteUpdateAsync(set => set.SetProperty(t => t.UsedAt, now), cancellationToken);
        if (used != 1 || await ExistsAsync(db, cancellationToken))
        {
            return ["This link is not valid any more. Restart the server to get a new one."];
        }

        var user = new AppUser { UserName = email, Email = email, EmailConfirmed = true, DisplayName = displayName };
        var result = await users.CreateAsync(user, password);
        if (!result.Succeeded)
        {
            return [.. result.Errors.Select(e => e.Description)];
        }

        await scope.ServiceProvider.GetRequiredService<RoleSeed>().EnsureAsync(cancellationToken);
        var role = await users.AddToRoleAsync(user, AppRoles.Admin);
        if (!role.Succeeded)
        {
            throw new InvalidOperationException($"the role {AppRoles.Admin} could not be given: {string.Join("; ", role.Errors.Select(e => e.Description))}");
        }

        await transaction.CommitAsync(cancellationToken);
        return [];
    }

    private IQueryable<SetupToken> Usable(AppDbContext db, string? token)
    {
        var hash = HashOf(token ?? "");
        var now = time.GetUtcNow();
        return db.SetupTokens.Where(t => t.TokenHash == hash && t.UsedAt == null && t.ExpiresAt > now);
    }

    private static string HashOf(string token) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(token)));

    private static Task<bool> ExistsAsync(AppDbContext db, CancellationToken cancellationToken) => (
        from userRole in db.UserRoles
        join role in db.Roles on userRole.RoleId equals role.Id
        where role.Name == AppRoles.Admin
        select userRole.UserId).AnyAsync(cancellationToken);
}
