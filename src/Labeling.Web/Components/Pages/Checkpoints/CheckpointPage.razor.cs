using Labeling.Web.Features.Checkpoints;
using Labeling.Web.Features.Projects;
using Labeling.Web.Features.Runs;
using Labeling.Web.Live;
using Labeling.Web.Security;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Authorization;
using Rlhf.Contracts.Training;

namespace Labeling.Web.Components.Pages.Checkpoints;

public sealed partial class CheckpointPage : IDisposable
{
    private CheckpointView? _view;
    private Calibration? _calibration;
    private Guid _projectId;
    private Question? _question;
    private string? _error, _note;
    private bool _busy;
    private IDisposable? _subscription;

    private enum Question
    {
        RollBack,
        Retire,
    }

    [Parameter]
    public required string Slug { get; set; }

    [Parameter]
    public Guid CheckpointId { get; set; }

    [CascadingParameter]
    public required Task<AuthenticationState> Authentication { get; set; }

    [Inject]
    public required ProjectCatalog Projects { get; init; }

    [Inject]
    public required CheckpointCatalog Checkpoints { get; init; }

    [Inject]
    public required RunCatalog Runs { get; init; }

    [Inject]
    public required CycleControl Control { get; init; }

    [Inject]
    public required ProjectNotifier Notifier { get; init; }

    [Inject]
    public required NavigationManager Navigation { get; init; }

    private bool CanRollBack => _view is { IsPolicy: false, Checkpoint: { Kind: CheckpointKinds.Policy, RetiredAt: null, FilesDeletedAt: null } };

    // A link to a relative leads to the same page.
    protected override async Task OnParametersSetAsync()
    {
        (_question, _error, _note) = (null, null, null);
        _view = await Projects.FindAsync(Slug) is { } project ? await Checkpoints.FindAsync(project.Id, CheckpointId) : null;
        if (_view is null)
        {
            Navigation.NotFound();
            return;
        }

        _projectId = _view.Project.Id;

        // Of a reward model the run that made it, once and for all.
        _calibration = _view is { Checkpoint.Kind: CheckpointKinds.RewardModel, Run: { } run } ? await Runs.CalibrationAsync(run.Id) : null;
        if (RendererInfo.IsInteractive)
        {
            _subscription ??= Notifier.Subscribe(_projectId, () => InvokeAsync(ReloadAsync));
        }
    }

    private async Task ReloadAsync()
    {
        _view = await Checkpoints.FindAsync(_projectId, CheckpointId) ?? _view;
        StateHasChanged();
    }

    private void Ask(Question? question) => (_question, _error, _note) = (question, null, null);

    private Task PinAsync() => ActAsync(async _ =>
    {
        await Checkpoints.SetPinnedAsync(_projectId, CheckpointId, _view!.Checkpoint.PinnedAt is null);
        return null;
    });

    private Task RetireAsync() => ActAsync(_ => Checkpoints.RetireAsync(_projectId, CheckpointId));

    private Task RollBackAsync() => ActAsync(async user =>
    {
        await Control.RollBackAsync(_projectId, CheckpointId, user);
        _note = "Asked for. The planner's decision appears on the project's page in a moment.";
        return null;
    });

    private async Task ActAsync(Func<Guid, Task<string?>> act)
    {
        var user = (await Authentication).User;
        if (_busy || !ProjectAccess.SeesEverything(user))
        {
            return;
        }

        (_busy, _question, _note) = (true, null, null);
        try
        {
            _error = await act(user.Id());
            await ReloadAsync();
        }
        finally
        {
            _busy = false;
        }
    }

    public void Dispose() => _subscription?.Dispose();
}
