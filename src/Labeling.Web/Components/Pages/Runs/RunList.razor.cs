using Labeling.Web.Features.Runs;
using Labeling.Web.Live;
using Microsoft.AspNetCore.Components;

namespace Labeling.Web.Components.Pages.Runs;

public sealed partial class RunList : IDisposable
{
    private const int PageSize = 50;

    private IReadOnlyList<RunRow>? _runs;
    private bool _hasMore;
    private IDisposable? _subscription;

    [SupplyParameterFromQuery]
    private string? Kind { get; set; }

    [SupplyParameterFromQuery]
    private string? Status { get; set; }

    [SupplyParameterFromQuery]
    private string? Project { get; set; }

    [SupplyParameterFromQuery(Name = "page")]
    private int? PageQuery { get; set; }

    [Inject]
    public required RunCatalog Runs { get; init; }

    [Inject]
    public required RunNotifier Notifier { get; init; }

    [Inject]
    public required NavigationManager Navigation { get; init; }

    private int PageNumber => Math.Clamp(PageQuery ?? 1, 1, 10_000);

    private bool IsFiltered => Kind is not null || Status is not null || Project is not null;

    protected override void OnInitialized()
    {
        if (RendererInfo.IsInteractive)
        {
            _subscription = Notifier.SubscribeToAll(() => InvokeAsync(async () =>
            {
                await LoadAsync();
                StateHasChanged();
            }));
        }
    }

    protected override Task OnParametersSetAsync() => LoadAsync();

    private async Task LoadAsync()
    {
        var filter = new RunFilter
        {
            Kind = Kind, Status = Status, Project = Project, Skip = (PageNumber - 1) * PageSize, Take = PageSize + 1,
        };
        var runs = await Runs.ListAsync(filter);
        _hasMore = runs.Count > PageSize;
        _runs = [.. runs.Take(PageSize)];
    }

    private void Filter(string name, object? value) => Navigation.NavigateTo(Navigation.GetUriWithQueryParameters(
        new Dictionary<string, object?> { [name] = value is string { Length: > 0 } text ? text : null, ["page"] = null }));

    private string PageLink(int page) => Navigation.GetUriWithQueryParameter("page", page == 1 ? null : page);

    public void Dispose() => _subscription?.Dispose();
}
