using Labeling.Web.Features.Projects;
using Labeling.Web.Features.Runs;
using Labeling.Web.Live;
using Labeling.Web.Security;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Authorization;

namespace Labeling.Web.Components.Pages.Projects;

public sealed partial class Overview : IDisposable
{
    private ProjectOverview? _overview;
    private bool _canEdit, _busy;
    private IDisposable? _subscription;

    [Parameter]
    public required string Slug { get; set; }

    [SupplyParameterFromQuery]
    private string? Edit { get; set; }

    [CascadingParameter]
    public required Task<AuthenticationState> Authentication { get; set; }

    [Inject]
    public required ProjectCatalog Projects { get; init; }

    [Inject]
    public required ProjectNotifier Notifier { get; init; }

    [Inject]
    public required NavigationManager Navigation { get; init; }

    private bool Editing => _canEdit && Edit == "settings";

    private string EditLink => $"projects/{Slug}?edit=settings#settings";

    private string ViewLink => $"projects/{Slug}";

    private IReadOnlyList<RunRow> LatestRuns =>
        [.. _overview!.LatestRuns.Select(r => new RunRow(r, _overview.Project.Name, _overview.Project.Slug))];

    protected override async Task OnInitializedAsync()
    {
        _canEdit = ProjectAccess.SeesEverything((await Authentication).User);
        _overview = await Projects.OverviewAsync(Slug);
        if (_overview is null)
        {
            Navigation.NotFound();
        }
        else if (RendererInfo.IsInteractive)
        {
            _subscription = Notifier.Subscribe(_overview.Project.Id, () => InvokeAsync(ReloadAsync));
        }
    }

    private async Task ReloadAsync()
    {
        _overview = await Projects.OverviewAsync(Slug);
        StateHasChanged();
    }

    private async Task SetAutoCycleAsync(bool on)
    {
        if (_canEdit && !_busy)
        {
            _busy = true;
            await Projects.SetAutoCycleAsync(_overview!.Project.Id, on);
            await ReloadAsync();
            _busy = false;
        }
    }

    private async Task SavedAsync()
    {
        await ReloadAsync();
        Navigation.NavigateTo(ViewLink);
    }

    private static string Short(string hash) => hash.Length > 12 ? hash[..12] : hash;

    public void Dispose() => _subscription?.Dispose();
}
