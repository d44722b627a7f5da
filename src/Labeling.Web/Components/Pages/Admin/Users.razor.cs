using System.ComponentModel.DataAnnotations;
using Labeling.Web.Features.Accounts;
using Labeling.Web.Features.Projects;
using Labeling.Web.Security;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Authorization;
using Rlhf.Data.Entities;

namespace Labeling.Web.Components.Pages.Admin;

public sealed partial class Users
{
    private IReadOnlyList<UserRow>? _users;
    private IReadOnlyList<(Guid Id, string Name)> _projects = [];
    private IReadOnlyList<string> _errors = [];
    private Invitation _invitation = new();
    private Guid _self;
    private string? _link, _linkFor;
    private bool _busy;

    [CascadingParameter]
    public required Task<AuthenticationState> Authentication { get; set; }

    [Inject]
    public required UserDirectory Directory { get; init; }

    [Inject]
    public required ProjectCatalog Projects { get; init; }

    [Inject]
    public required NavigationManager Navigation { get; init; }

    protected override async Task OnInitializedAsync()
    {
        _self = (await Authentication).User.Id();
        _projects = await Projects.NamesAsync();
        _users = await Directory.ListAsync();
    }

    private Task InviteAsync() => ChangeAsync(_invitation.Name, async () =>
    {
        var change = await Directory.InviteAsync(_invitation.Name.Trim(), _invitation.Email.Trim(), _invitation.Role, new Uri(Navigation.BaseUri));
        if (change.Succeeded)
        {
            _invitation = new Invitation();
        }

        return change;
    });

    private Task NewLinkAsync(UserRow user) =>
        ChangeAsync(user.DisplayName, () => Directory.CreateLinkAsync(user.Id, new Uri(Navigation.BaseUri)));

    private Task SetRoleAsync(UserRow user, object? role) =>
        ChangeAsync(user.DisplayName, () => Directory.SetRoleAsync(user.Id, role as string ?? "", _self));

    private Task SetLockedAsync(UserRow user, bool locked) =>
        ChangeAsync(user.DisplayName, () => Directory.SetLockedAsync(user.Id, locked, _self));

    private Task SetMembershipAsync(UserRow user, Guid projectId, bool member) => ChangeAsync(user.DisplayName, async () =>
    {
        await Directory.SetMembershipAsync(user.Id, projectId, member);
        return new UserChange(true, []);
    });

    private async Task ChangeAsync(string who, Func<Task<UserChange>> change)
    {
        if (_busy)
        {
            return;
        }

        _busy = true;
        try
        {
            var result = await change();
            _errors = result.Errors;
            _link = result.Link;
            _linkFor = who;
            _users = await Directory.ListAsync();
        }
        finally
        {
            _busy = false;
        }
    }

    private sealed class Invitation
    {
        [Required(ErrorMessage = "Enter a name."), StringLength(100, ErrorMessage = "At most 100 characters.")]
        public string Name { get; set; } = "";

        [Required(ErrorMessage = "Enter an e-mail address."), EmailAddress(ErrorMessage = "This is not an e-mail address.")]
        public string Email { get; set; } = "";

        public string Role { get; set; } = AppRoles.Annotator;
    }
}
