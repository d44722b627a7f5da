using Labeling.Web.Features.Annotators;
using Labeling.Web.Features.Projects;
using Labeling.Web.Security;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Authorization;
using Rlhf.Data.Entities;

namespace Labeling.Web.Components.Pages.Projects;

public sealed partial class Annotators
{
    private Project? _project;
    private IReadOnlyList<AnnotatorRow>? _rows;
    private AnnotatorRow? _asked;
    private RetractionPreview? _preview;
    private IReadOnlyList<string> _errors = [];
    private string? _reason, _note;
    private bool _requeue, _busy;

    [Parameter]
    public required string Slug { get; set; }

    [CascadingParameter]
    public required Task<AuthenticationState> Authentication { get; set; }

    [Inject]
    public required ProjectCatalog Projects { get; init; }

    [Inject]
    public required AnnotatorCatalog Catalog { get; init; }

    [Inject]
    public required NavigationManager Navigation { get; init; }

    protected override async Task OnInitializedAsync()
    {
        _project = await Projects.FindAsync(Slug);
        if (_project is null)
        {
            Navigation.NotFound();
            return;
        }

        _rows = await Catalog.ListAsync(_project.Id);
    }

    private async Task AskAsync(AnnotatorRow row)
    {
        Cancel();
        _preview = await Catalog.PreviewAsync(_project!.Id, row.AnnotatorId);
        _asked = row;
    }

    private void Cancel() => (_asked, _preview, _reason, _requeue, _note, _errors) = (null, null, null, false, null, []);

    private async Task RetractAsync()
    {
        var user = (await Authentication).User;
        if (_busy || _asked is not { } row || !ProjectAccess.SeesEverything(user))
        {
            return;
        }

        if (string.IsNullOrWhiteSpace(_reason))
        {
            _errors = ["Enter a reason: it stands at every checkpoint that is marked."];
            return;
        }

        _busy = true;
        try
        {
            var result = await Catalog.RetractAsync(_project!.Id, row.AnnotatorId, user.Id(), _reason.Trim(), _requeue);
            Cancel();
            _note = $"{result.Judgments} judgments of {row.Name} taken back, {result.TaintedCheckpoints} checkpoints marked, {result.ReopenedTasks} comparisons open again.";
            _rows = await Catalog.ListAsync(_project.Id);
        }
        finally
        {
            _busy = false;
        }
    }

    private static string Names(RetractionPreview preview)
    {
        const int Shown = 8;
        var names = string.Join(", ", preview.Checkpoints.Take(Shown).Select(c => $"{c.Kind} v{c.Version}"));
        return preview.Checkpoints.Count > Shown ? $"{names} and {preview.Checkpoints.Count - Shown} more" : names;
    }
}
