using System.Data.Common;
using System.Globalization;
using Labeling.Web.Features.Projects;
using Labeling.Web.Features.Runs;
using Labeling.Web.Live;
using Labeling.Web.Security;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Authorization;

namespace Labeling.Web.Components.Pages.Projects;

public sealed partial class Overview : IAsyncDisposable
{
    // The planner's decisions send no message of their own.
    private static readonly TimeSpan s_refresh = TimeSpan.FromSeconds(4);

    private readonly CancellationTokenSource _stop = new();
    private ProjectOverview? _overview;
    private bool _canEdit;
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

    [Inject]
    public required TimeProvider Time { get; init; }

    [Inject]
    public required ILogger<Overview> Logger { get; init; }

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
            _ = RefreshAsync();
        }
    }

    private async Task ReloadAsync()
    {
        _overview = await Projects.OverviewAsync(Slug);
        StateHasChanged();
    }

    private async Task RefreshAsync()
    {
        using var timer = new PeriodicTimer(s_refresh, Time);
        try
        {
            while (await timer.WaitForNextTickAsync(_stop.Token))
            {
                await InvokeAsync(ReloadAsync);
            }
        }
        catch (OperationCanceledException)
        {
            // The page was left.
        }
        catch (DbException exception)
        {
            // The next message about the project shows it.
            Log.RefreshFailed(Logger, exception, Slug);
        }
    }

    private async Task SavedAsync()
    {
        await ReloadAsync();
        Navigation.NavigateTo(ViewLink);
    }

    private static string Number(double value) => value.ToString("0.###", CultureInfo.InvariantCulture);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _subscription?.Dispose();
        _stop.Dispose();
    }

    private static partial class Log
    {
        [LoggerMessage(1103, LogLevel.Warning, "the page of project {Slug} could not be refreshed")]
        public static partial void RefreshFailed(ILogger logger, Exception exception, string slug);
    }
}
