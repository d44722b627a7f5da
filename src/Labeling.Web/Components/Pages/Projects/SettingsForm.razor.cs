using Labeling.Web.Features.Projects;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Forms;
using Rlhf.Data.Entities;

namespace Labeling.Web.Components.Pages.Projects;

/// <summary>Edits a project's settings; what is typed stays when something is wrong with it.</summary>
public sealed partial class SettingsForm
{
    private ProjectSettings _settings = null!;
    private IReadOnlyList<string> _errors = [];

    [Parameter, EditorRequired]
    public required Project Project { get; set; }

    [Parameter, EditorRequired]
    public required string CancelLink { get; set; }

    [Parameter]
    public EventCallback OnSaved { get; set; }

    [Inject]
    public required ProjectCatalog Projects { get; init; }

    protected override void OnInitialized() => _settings = ProjectSettings.Of(Project);

    private async Task SaveAsync(EditContext edit)
    {
        // A number that cannot be read never reaches the model; the input reports it to the edit context.
        var unreadable = edit.GetValidationMessages().ToList();
        _errors = unreadable.Count > 0 ? unreadable : await Projects.UpdateAsync(Project.Id, _settings);
        if (_errors.Count == 0)
        {
            await OnSaved.InvokeAsync();
        }
    }
}
