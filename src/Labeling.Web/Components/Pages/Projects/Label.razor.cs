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
    private bool _busy, _loaded, _savedOnce, _helpOpen;
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

    private async Task ChooseAsync(Side side)
    {
        if (!CanChoose || _helpOpen)
        {
            return;
        }

        var judged = _current;
        _choice = side;
        await RunAsync(
            async desk =>
            {
                var outcome = await desk.SubmitAsync(side, _stop.Token);
                _savedOnce |= outcome is SubmitOutcome.Recorded or SubmitOutcome.AlreadyRecorded;
                _note = outcome is SubmitOutcome.Recorded or SubmitOutcome.AlreadyRecorded
                    ? null
                    : "That comparison had been given to somebody else meanwhile; your judgment was not needed any more.";
            },
            failed: desk => desk.Current == judged ? "The judgment could not be saved." : null);
        if (_error is null)
        {
            _choice = null;
            await PrefetchAsync();
        }
    }

    private Task RetryAsync() => _choice is { } side ? ChooseAsync(side) : Task.CompletedTask;

    private async Task SkipAsync()
    {
        if (CanChoose && !_helpOpen)
        {
            await RunAsync(
                async desk =>
                {
                    await desk.SkipAsync(_stop.Token);
                    _skipped++;
                },
                failed: _ => "The comparison could not be skipped.");
            await PrefetchAsync();
        }
    }

    private async Task UndoAsync()
    {
        if (!_busy && !_helpOpen)
        {
            await RunAsync(
                async desk => _note = await desk.UndoAsync(_stop.Token)
                    ? "Your last judgment is taken back. Judge it again."
                    : "There is nothing to take back: no judgment of the last 10 minutes, or a reward model is already learning from it.",
                failed: _ => "The judgment could not be taken back.");
        }
    }

    private async Task ServeSkippedAsync()
    {
        Labeling.ServeSkippedAgain(_annotatorId);
        _skipped = 0;
        await FetchAsync();
    }

    private async Task FetchAsync()
    {
        await RunAsync(desk => desk.NextAsync(_stop.Token), failed: _ => "No comparison could be fetched; trying again in a moment.");
        _loaded = true;
        StateHasChanged();
        await PrefetchAsync();
    }

    // One action at a time. What fails leaves the page usable and says so.
    private async Task RunAsync(Func<LabelingDesk, Task> action, Func<LabelingDesk, string?> failed)
    {
        if (_desk is not { } desk)
        {
            return;
        }

        _busy = true;
        (_error, _note) = (null, null);
        StateHasChanged();
        try
        {
            await action(desk);
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            return;
        }
        catch (Exception exception)
        {
            Log.ActionFailed(Logger, exception, Slug);
            _error = failed(desk);
        }

        _current = desk.Current;
        _busy = false;
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
