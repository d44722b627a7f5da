using Microsoft.AspNetCore.Identity;
using Rlhf.Data.Entities;

namespace Labeling.Web.Features.Accounts;

/// <summary>Makes sure that the three roles exist. Called before a role is given, so no start-up order matters.</summary>
public sealed class RoleSeed(RoleManager<IdentityRole<Guid>> roles)
{
    public async Task EnsureAsync(CancellationToken cancellationToken = default)
    {
        foreach (var name in AppRoles.All)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (!await roles.RoleExistsAsync(name))
            {
                await roles.CreateAsync(new IdentityRole<Guid>(name) { Id = Guid.CreateVersion7() });
            }
        }
    }
}
