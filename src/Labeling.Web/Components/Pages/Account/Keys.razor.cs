using System.ComponentModel.DataAnnotations;
using Labeling.Web.Features.Api;
using Labeling.Web.Security;
using Microsoft.AspNetCore.Components;

namespace Labeling.Web.Components.Pages.Account;

/// <summary>Makes and revokes the signed-in user's API keys. Rendered on the server only: a key never passes through a circuit or a script.</summary>
public sealed partial class Keys
{
    private IReadOnlyList<string> _errors = [];
    private IReadOnlyList<ApiKeyRow> _keys = [];
    private string? _created;
    private bool _revoked;

    [Inject]
    public required ApiKeys ApiKeys { get; init; }

    [CascadingParameter]
    public required HttpContext Http { get; set; }

    [SupplyParameterFromForm(FormName = "create-key")]
    private NewKey Input { get; set; } = null!;

    [SupplyParameterFromForm(FormName = "revoke-key")]
    private Guid? Revoke { get; set; }

    protected override async Task OnInitializedAsync()
    {
        Input ??= new NewKey();
        _keys = await ApiKeys.ListAsync(Http.User.Id());
    }

    private async Task CreateAsync()
    {
        (_created, var error) = await ApiKeys.CreateAsync(Http.User.Id(), Input.Name);
        _errors = error is null ? [] : [error];
        Input = error is null ? new NewKey() : Input;
        _keys = await ApiKeys.ListAsync(Http.User.Id());
        Http.Response.Headers.CacheControl = "no-store";
    }

    private async Task RevokeAsync()
    {
        _revoked = Revoke is { } key && await ApiKeys.RevokeAsync(Http.User.Id(), key);
        _keys = await ApiKeys.ListAsync(Http.User.Id());
    }

    private sealed class NewKey
    {
        [Required(ErrorMessage = "Give the key a name."), StringLength(ApiKeys.MaxNameLength, ErrorMessage = "At most {1} characters.")]
        public string Name { get; set; } = "";
    }
}
