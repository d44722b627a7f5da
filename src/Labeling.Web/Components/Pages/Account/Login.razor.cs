using System.ComponentModel.DataAnnotations;
using Labeling.Web.Security;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Identity;
using Rlhf.Data.Entities;

namespace Labeling.Web.Components.Pages.Account;

public sealed partial class Login
{
    private string[] _errors = [];

    [Inject]
    public required SignInManager<AppUser> SignIn { get; init; }

    [Inject]
    public required NavigationManager Navigation { get; init; }

    [SupplyParameterFromForm]
    private LoginForm Input { get; set; } = null!;

    [SupplyParameterFromQuery]
    private string? ReturnUrl { get; set; }

    protected override void OnInitialized() => Input ??= new LoginForm();

    private async Task SignInAsync()
    {
        var result = await SignIn.PasswordSignInAsync(Input.Email, Input.Password, Input.Remember, lockoutOnFailure: true);
        if (result.Succeeded)
        {
            Navigation.NavigateTo(LocalPath.OrHome(ReturnUrl));
            return;
        }

        // A locked account and a wrong password read alike to somebody who does not know the password.
        _errors = [$"E-mail or password is wrong, or the account is locked for a while after too many attempts."];
    }

    private sealed class LoginForm
    {
        [Required(ErrorMessage = "Enter your e-mail address."), EmailAddress(ErrorMessage = "This is not an e-mail address.")]
        public string Email { get; set; } = "";

        [Required(ErrorMessage = "Enter your password.")]
        public string Password { get; set; } = "";

        public bool Remember { get; set; }
    }
}
