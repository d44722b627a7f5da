using Labeling.Web.Features.Projects;
using Labeling.Web.Features.Runs;
using Labeling.Web.Live;
using Labeling.Web.Security;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Authorization;

namespace Labeling.Web.Components.Pages;

public sealed partial class Home : IDisposable
{
    private IReadOnlyList<ProjectCard>? _projects;
    private IReadOnlyList<RunRow>? _runs;
    private bool _seesEverything;
    private IDisposable? _subscription;

    [CascadingParameter]
    public required Task<AuthenticationState> Authentication { get; set; }

    [Inject]
    public required ProjectCatalog Projects { get; init; }

    [Inject]
    public required RunCatalog Runs { get; init; }

    [Inject]
    public required RunNotifier Notifier { get; init; }

    protected override async Task OnInitializedAsync()
    {
        await LoadAsync();
        if (RendererInfo.IsInteractive)
        {
            _subscription = Notifier.SubscribeToAll(() => InvokeAsync(async () =>
            {
                await LoadAsync();
                StateHasChanged();
            }));
        }
    }

    private async Task LoadAsync()
    {
        var user = (await Authentication).User;
        _seesEverything = ProjectAccess.SeesEverything(user);
        _projects = await Projects.ListAsync(user);
        _runs = _seesEverything ? await Runs.ListAsync(new RunFilter { Take = 8 }) : null;
    }

    public void Dispose() => _subscription?.Dispose();
}
