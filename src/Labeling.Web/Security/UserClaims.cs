using System.Security.Claims;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Options;
using Rlhf.Data.Entities;

namespace Labeling.Web.Security;

/// <summary>Claims the site adds to Identity's own.</summary>
public static class UserClaims
{
    public const string DisplayName = "display_name";

    /// <summary>The user's id.</summary>
    public static Guid Id(this ClaimsPrincipal user) => Guid.Parse(
        user.FindFirstValue(ClaimTypes.NameIdentifier) ?? throw new InvalidOperationException("the user is not signed in"));
}

/// <summary>Puts the display name into the cookie, so that the header needs no query.</summary>
internal sealed class ClaimsFactory(UserManager<AppUser> users, RoleManager<IdentityRole<Guid>> roles, IOptions<IdentityOptions> options)
    : UserClaimsPrincipalFactory<AppUser, IdentityRole<Guid>>(users, roles, options)
{
    protected override async Task<ClaimsIdentity> GenerateClaimsAsync(AppUser user)
    {
        var identity = await base.GenerateClaimsAsync(user);
        identity.AddClaim(new Claim(UserClaims.DisplayName, user.DisplayName));
        return identity;
    }
}
