using System.Text;
using Labeling.Web.Features.Projects;
using Labeling.Web.Security;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.AspNetCore.Components.Forms;

namespace Labeling.Web.Components.Pages.Projects;

public sealed partial class Create
{
    private readonly NewProject _form = new();
    private IReadOnlyList<BasePolicy>? _policies;
    private IReadOnlyList<string> _errors = [];
    private string? _file;
    private bool _busy;

    [CascadingParameter]
    public required Task<AuthenticationState> Authentication { get; set; }

    [Inject]
    public required ProjectCreation Creation { get; init; }

    [Inject]
    public required NavigationManager Navigation { get; init; }

    protected override async Task OnInitializedAsync()
    {
        _policies = await Creation.PoliciesAsync();
        _form.BaseCheckpointId = _policies.Count > 0 ? _policies[0].CheckpointId : null;
    }

    // The address follows the name until somebody writes one.
    private void Renamed(ChangeEventArgs change)
    {
        var follows = _form.Slug == NewProject.SuggestSlug(_form.Name);
        _form.Name = change.Value as string ?? "";
        if (follows)
        {
            _form.Slug = NewProject.SuggestSlug(_form.Name);
        }
    }

    private async Task UploadAsync(InputFileChangeEventArgs upload)
    {
        if (upload.File.Size > NewProject.MaxFileBytes)
        {
            _errors = [$"{upload.File.Name} has {upload.File.Size} bytes; at most {NewProject.MaxFileBytes} are allowed."];
            return;
        }

        try
        {
            await using var stream = upload.File.OpenReadStream(NewProject.MaxFileBytes);
            using var reader = new StreamReader(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true));
            _form.Prompts = await reader.ReadToEndAsync();
            (_file, _errors) = (upload.File.Name, []);
        }
        catch (DecoderFallbackException)
        {
            _errors = [$"{upload.File.Name} is not UTF-8 text."];
        }
        catch (IOException exception)
        {
            _errors = [$"{upload.File.Name} could not be read: {exception.Message}"];
        }
    }

    private void RemoveFile() => (_file, _form.Prompts) = (null, "");

    private async Task SaveAsync(EditContext edit)
    {
        if (_busy || !ProjectAccess.SeesEverything((await Authentication).User))
        {
            return;
        }

        _busy = true;
        try
        {
            var unreadable = edit.GetValidationMessages().ToList();
            _errors = unreadable.Count > 0 ? unreadable : await Creation.CreateAsync(_form);
        }
        finally
        {
            _busy = false;
        }

        if (_errors.Count == 0)
        {
            Navigation.NavigateTo($"projects/{_form.Slug}");
        }
    }
}
