using System.Text;
using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.EntityFrameworkCore;
using Rlhf.Data;
using Rlhf.Data.Entities;

namespace Labeling.Web.Features.Accounts;

/// <summary>A person as the administration page lists them.</summary>
public sealed record UserRow(
    Guid Id, string DisplayName, string Email, string Role, bool IsLocked, bool HasPassword, IReadOnlyList<Guid> Projects, int Judgments);

/// <summary>A role or a problem: what became of an administrator's change.</summary>
public sealed record UserChange(bool Succeeded, IReadOnlyList<string> Errors, string? Link = null)
{
    internal static UserChange Done(string? link = null) => new(true, [], link);

    internal static UserChange Refused(params IEnumerable<string> errors) => new(false, [.. errors]);
}

/// <summary>
/// What administrators do with accounts. There is no e-mail server: an invitation is a link that is shown once and handed over by other
/// means. Its token is Identity's password-reset token, which dies when it is used.
/// </summary>
public sealed class UserDirectory(IServiceScopeFactory scopes)
{
    /// <summary>Everybody, by name.</summary>
    public async Task<IReadOnlyList<UserRow>> ListAsync(CancellationToken cancellationToken = default)
    {
        await using var scope = scopes.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<AppDbContext>();
        var now = DateTimeOffset.UtcNow;
        var users = await db.Users.AsNoTracking().OrderBy(u => u.DisplayName).ToListAsync(cancellationToken);
        var roles = (await (from ur in db.UserRoles join r in db.Roles on ur.RoleId equals r.Id select new { ur.UserId, r.Name })
            .ToListAsync(cancellationToken)).ToLookup(r => r.UserId, r => r.Name!);
        var projects = (await db.ProjectMembers.AsNoTracking().ToListAsync(cancellationToken)).ToLookup(m => m.UserId, m => m.ProjectId);
        var judgments = await db.Judgments.Where(j => j.AnnotatorId != null && j.RetractedAt == null)
            .GroupBy(j => j.AnnotatorId!.Value).Select(g => new { g.Key, Count = g.Count() })
            .ToDictionaryAsync(g => g.Key, g => g.Count, cancellationToken);
        return [.. users.Select(u => new UserRow(
            u.Id, u.DisplayName, u.Email ?? "", Strongest(roles[u.Id]), u.LockoutEnd > now, u.PasswordHash is not null,
            [.. projects[u.Id]], judgments.GetValueOrDefault(u.Id)))];
    }

    /// <summary>Creates an account without a password and returns the one-time link with which its owner sets one.</summary>
    public async Task<UserChange> InviteAsync(string displayName, string email, string role, Uri baseUrl, CancellationToken cancellationToken = default)
    {
        if (!AppRoles.All.Contains(role))
        {
            return UserChange.Refused($"The role must be one of {string.Join(", ", AppRoles.All)}.");
        }

        await using var scope = scopes.CreateAsyncScope();
        var users = scope.ServiceProvider.GetRequiredService<UserManager<AppUser>>();
        await scope.ServiceProvider.GetRequiredService<RoleSeed>().EnsureAsync(cancellationToken);
        var user = new AppUser { UserName = email, Email = email, EmailConfirmed = true, DisplayName = displayName };
        var created = await users.CreateAsync(user);
        if (!created.Succeeded)
        {
            return UserChange.Refused(created.Errors.Select(e => e.Description));
        }

        await users.AddToRoleAsync(user, role);
        return UserChange.Done(await LinkAsync(users, user, baseUrl));
    }

    /// <summary>A new one-time link for setting the password.</summary>
    public Task<UserChange> CreateLinkAsync(Guid userId, Uri baseUrl) => ChangeAsync(userId, async (users, user) =>
        UserChange.Done(await LinkAsync(users, user, baseUrl)));

    /// <summary>Gives exactly this role. Signed-in sessions notice within a minute.</summary>
    public Task<UserChange> SetRoleAsync(Guid userId, string role, Guid byUserId) => ChangeAsync(userId, async (users, user) =>
    {
        if (!AppRoles.All.Contains(role))
        {
            return UserChange.Refused($"The role must be one of {string.Join(", ", AppRoles.All)}.");
        }

        if (userId == byUserId)
        {
            return UserChange.Refused("You cannot change your own role: there would be nobody left to undo it.");
        }

        await users.RemoveFromRolesAsync(user, await users.GetRolesAsync(user));
        await users.AddToRoleAsync(user, role);
        await users.UpdateSecurityStampAsync(user);
        return UserChange.Done();
    });

    /// <summary>Locks an account out, or lets it in again.</summary>
    public Task<UserChange> SetLockedAsync(Guid userId, bool locked, Guid byUserId) => ChangeAsync(userId, async (users, user) =>
    {
        if (userId == byUserId)
        {
            return UserChange.Refused("You cannot lock yourself out.");
        }

        await users.SetLockoutEnabledAsync(user, true);
        await users.SetLockoutEndDateAsync(user, locked ? DateTimeOffset.MaxValue : null);
        await users.ResetAccessFailedCountAsync(user);
        await users.UpdateSecurityStampAsync(user);
        return UserChange.Done();
    });

    /// <summary>Lets an annotator into a project, or takes them out of it.</summary>
    public async Task SetMembershipAsync(Guid userId, Guid projectId, bool member, CancellationToken cancellationToken = default)
    {
        await using var scope = scopes.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<AppDbContext>();
        var existing = await db.ProjectMembers.SingleOrDefaultAsync(m => m.UserId == userId && m.ProjectId == projectId, cancellationToken);
        if (member && existing is null)
        {
            db.ProjectMembers.Add(new ProjectMember { ProjectId = projectId, UserId = userId });
        }
        else if (!member && existing is not null)
        {
            db.ProjectMembers.Remove(existing);
        }

        await db.SaveChangesAsync(cancellationToken);
    }

    /// <summary>Sets the password of an invited account, or returns what is wrong.</summary>
    public async Task<IReadOnlyList<string>> AcceptInvitationAsync(Guid userId, string token, string password)
    {
        await using var scope = scopes.CreateAsyncScope();
        var users = scope.ServiceProvider.GetRequiredService<UserManager<AppUser>>();
        if (await users.FindByIdAsync(userId.ToString()) is not { } user || Decode(token) is not { } resetToken)
        {
            return [InvalidLink];
        }

        var result = await users.ResetPasswordAsync(user, resetToken, password);
        return [.. result.Errors.Select(e => e.Code == nameof(IdentityErrorDescriber.InvalidToken) ? InvalidLink : e.Description)];
    }

    private const string InvalidLink = "This link is not valid any more. Ask an administrator for a new one.";

    private static async Task<string> LinkAsync(UserManager<AppUser> users, AppUser user, Uri baseUrl)
    {
        var token = WebEncoders.Base64UrlEncode(Encoding.UTF8.GetBytes(await users.GeneratePasswordResetTokenAsync(user)));
        return new Uri(baseUrl, $"/welcome?user={user.Id}&token={token}").ToString();
    }

    private static string? Decode(string token)
    {
        try
        {
            return Encoding.UTF8.GetString(WebEncoders.Base64UrlDecode(token));
        }
        catch (FormatException)
        {
            return null;
        }
    }

    private static string Strongest(IEnumerable<string> roles) => AppRoles.All.LastOrDefault(roles.Contains) ?? AppRoles.Annotator;

    private async Task<UserChange> ChangeAsync(Guid userId, Func<UserManager<AppUser>, AppUser, Task<UserChange>> change)
    {
        await using var scope = scopes.CreateAsyncScope();
        var users = scope.ServiceProvider.GetRequiredService<UserManager<AppUser>>();
        return await users.FindByIdAsync(userId.ToString()) is { } user
            ? await change(users, user)
            : UserChange.Refused("This account does not exist any more.");
    }
}
