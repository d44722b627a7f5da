using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Identity;
using Rlhf.Data.Entities;

namespace Labeling.Web.Components.Pages.Account;

public sealed partial class ChangePassword
{
    private IReadOnlyList<string> _errors = [];
    private bool _changed;

    [Inject]
    public required UserManager<AppUser> Users { get; init; }

    [Inject]
    public required SignInManager<AppUser> SignIn { get; init; }

    [CascadingParameter]
    public required HttpContext Http { get; set; }

    [SupplyParameterFromForm]
    private ChangeForm Input { get; set; } = null!;

    protected override void OnInitialized() => Input ??= new ChangeForm();

    private async Task ChangeAsync()
    {
        var user = await Users.GetUserAsync(Http.User) ?? throw new InvalidOperationException("the signed-in account does not exist");
        var result = await Users.ChangePasswordAsync(user, Input.Current, Input.Password);
        _errors = [.. result.Errors.Select(e => e.Description)];
        _changed = result.Succeeded;
        if (_changed)
        {
            // The security stamp has changed, which signs everybody else out; this session gets a new cookie.
            await SignIn.RefreshSignInAsync(user);
        }
    }

    private sealed class ChangeForm : PasswordForm
    {
        [Required(ErrorMessage = "Enter your current password.")]
        public string Current { get; set; } = "";
    }
}
