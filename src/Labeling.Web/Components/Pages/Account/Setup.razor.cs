using System.ComponentModel.DataAnnotations;
using Labeling.Web.Features.Accounts;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Identity;
using Rlhf.Data.Entities;

namespace Labeling.Web.Components.Pages.Account;

public sealed partial class Setup
{
    private IReadOnlyList<string> _errors = [];
    private bool _usable;

    [Inject]
    public required FirstAdministrator Administrator { get; init; }

    [Inject]
    public required SignInManager<AppUser> SignIn { get; init; }

    [Inject]
    public required NavigationManager Navigation { get; init; }

    [SupplyParameterFromForm]
    private SetupForm Input { get; set; } = null!;

    [SupplyParameterFromQuery]
    private string? Token { get; set; }

    protected override async Task OnInitializedAsync()
    {
        Input ??= new SetupForm();
        _usable = await Administrator.IsUsableAsync(Token);
    }

    private async Task CreateAsync()
    {
        _errors = await Administrator.CreateAsync(Token, Input.Name.Trim(), Input.Email.Trim(), Input.Password);
        if (_errors.Count == 0)
        {
            await SignIn.PasswordSignInAsync(Input.Email.Trim(), Input.Password, isPersistent: false, lockoutOnFailure: true);
            Navigation.NavigateTo("/");
        }
    }

    private sealed class SetupForm : PasswordForm
    {
        [Required(ErrorMessage = "Enter the name others see."), StringLength(100, ErrorMessage = "At most 100 characters.")]
        public string Name { get; set; } = "";

        [Required(ErrorMessage = "Enter your e-mail address."), EmailAddress(ErrorMessage = "This is not an e-mail address.")]
        public string Email { get; set; } = "";
    }
}
