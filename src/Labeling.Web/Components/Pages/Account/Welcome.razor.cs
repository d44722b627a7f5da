using Labeling.Web.Features.Accounts;
using Microsoft.AspNetCore.Components;

namespace Labeling.Web.Components.Pages.Account;

public sealed partial class Welcome
{
    private IReadOnlyList<string> _errors = [];

    [Inject]
    public required UserDirectory Users { get; init; }

    [Inject]
    public required NavigationManager Navigation { get; init; }

    [SupplyParameterFromForm]
    private PasswordForm Input { get; set; } = null!;

    [SupplyParameterFromQuery]
    private Guid User { get; set; }

    [SupplyParameterFromQuery]
    private string? Token { get; set; }

    protected override void OnInitialized() => Input ??= new PasswordForm();

    private async Task SetAsync()
    {
        _errors = await Users.AcceptInvitationAsync(User, Token ?? "", Input.Password);
        if (_errors.Count == 0)
        {
            Navigation.NavigateTo("/login");
        }
    }
}
