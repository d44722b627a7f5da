using Microsoft.AspNetCore.Identity;

namespace Rlhf.Data.Entities;

/// <summary>A person with an account.</summary>
public sealed class AppUser : IdentityUser<Guid>
{
    /// <summary>A new account with a time-ordered key.</summary>
    public AppUser()
    {
        Id = Guid.CreateVersion7();
        SecurityStamp = Guid.NewGuid().ToString();
    }

    /// <summary>The name shown to other people.</summary>
    public string DisplayName { get; set; } = "";
}
