using Labeling.Web.Features.Labeling;
using Labeling.Web.Features.Projects;
using Labeling.Web.Live;
using Labeling.Web.Security;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.JSInterop;
using Rlhf.Data.Entities;

namespace Labeling.Web.Components.Pages.Projects;

public sealed partial class Label : IAsyncDisposable
{
    private static readonly TimeSpan s_tick = TimeSpan.FromSeconds(5);

    // A lease lasts ten minutes and is renewed every three.
    private const int TicksPerRenewal = 36;

    private readonly CancellationTokenSource _stop = new();
    private Project? _project;
    private Guid _annotatorId;
    private LabelingDesk? _desk;
    private Comparison? _current;
    private LabelingProgress? _progress;
    private Side? _choice;
    private string? _error, _note;
    private bool _busy, _loaded, _savedOnce, _helpOpen, _keyIgnored;
    private int _skipped;
    private IDisposable? _subscription;
    private DotNetObjectReference<Label>? _self;
    private IJSObjectReference? _module, _keys;

    [Parameter]
    public required string Slug { get; set; }

    [SupplyParameterFromQuery]
    private string? Guidelines { get; set; }

    [CascadingParameter]
    public required Task<AuthenticationState> Authentication { get; set; }

    [Inject]
    public required ProjectCatalog Projects { get; init; }

    [Inject]
    public required LabelingService Labeling { get; init; }

    [Inject]
    public required ProgressQuery Progress { get; init; }

    [Inject]
    public required ProjectNotifier Notifier { get; init; }

    [Inject]
    public required NavigationManager Navigation { get; init; }

    [Inject]
    public required IJSRuntime Js { get; init; }

    [Inject]
    public required TimeProvider Time { get; init; }

    [Inject]
    public required ILogger<Label> Logger { get; init; }

    private bool GuidelinesOpen => Guidelines == "open";

    private bool CanChoose => _current is not null && !_busy;

    protected override async Task OnInitializedAsync()
    {
        _project = await Projects.FindAsync(Slug);
        if (_project is null)
        {
            Navigation.NotFound();
            return;
        }

        _annotatorId = (await Authentication).User.Id();
        _progress = await Progress.GetAsync(_project.Id, _annotatorId);
    }

    protected override async Task OnAfterRenderAsync(bool firstRender)
    {
        if (!firstRender || _project is null)
        {
            return;
        }

        // Claimed only here: a prerendered page would take a lease that nobody sees.
        _desk = new LabelingDesk(Labeling, Time, _project.Id, _annotatorId);
        _subscription = Notifier.Subscribe(_project.Id, () => InvokeAsync(RefreshAsync));
        await FetchAsync();
        _self = DotNetObjectReference.Create(this);
        _module = await Js.InvokeAsync<IJSObjectReference>("import", "/" + Assets["js/labelKeys.js"]);
        _keys = await _module.InvokeAsync<IJSObjectReference>("listen", _self);
        _ = KeepAsync();
    }

    /// <summary>A key was pressed; see labelKeys.js.</summary>
    [JSInvokable]
    public async Task OnCommandAsync(string command)
    {
        // What a key says is about the comparison that was on the screen. It does not wait for the next one, which nobody has read yet.
        _keyIgnored |= _busy && command is not ("help" or "close");
        await (command switch
        {
            "first" => ChooseAsync(Side.First),
            "second" => ChooseAsync(Side.Second),
            "tie" => ChooseAsync(Side.Tie),
            "skip" => SkipAsync(),
            "undo" => UndoAsync(),
            _ => Task.CompletedTask,
        });
        _helpOpen = command switch { "help" => !_helpOpen, _ => false };
        StateHasChanged();
    }

    private void ToggleHelp() => _helpOpen = !_helpOpen;

    private void ToggleGuidelines() => Navigation.NavigateTo(
        Navigation.GetUriWithQueryParameter("guidelines", GuidelinesOpen ? null : "open"), new NavigationOptions { ReplaceHistoryEntry = true });

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _subscription?.Dispose();
        try
        {
            if (_keys is not null)
            {
                await _keys.InvokeVoidAsync("dispose");
                await _keys.DisposeAsync();
            }

            if (_module is not null)
            {
                await _module.DisposeAsync();
            }
        }
        catch (JSDisconnectedException)
        {
            // The browser is gone, and its listener with it.
        }

        _self?.Dispose();
        _stop.Dispose();
    }
}
