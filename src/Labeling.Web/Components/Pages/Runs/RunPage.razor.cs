using System.Text.Encodings.Web;
using System.Text.Json;
using Labeling.Web.Features.Runs;
using Labeling.Web.Live;
using Labeling.Web.Security;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Authorization;
using Rlhf.Contracts.Training;

namespace Labeling.Web.Components.Pages.Runs;

public sealed partial class RunPage : IDisposable
{
    private const int SampleCount = 20;

    private static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly Curves _curves = new();
    private RunRow? _row;
    private IReadOnlyList<SampleRow> _samples = [];
    private Calibration? _calibration;
    private bool _canSteer, _confirmCancel, _cancelAsked, _busy;
    private string? _notice;
    private IDisposable? _subscription;

    [Parameter]
    public required Guid Id { get; set; }

    [CascadingParameter]
    public required Task<AuthenticationState> Authentication { get; set; }

    [Inject]
    public required RunCatalog Runs { get; init; }

    [Inject]
    public required RunNotifier Notifier { get; init; }

    [Inject]
    public required NavigationManager Navigation { get; init; }

    [Inject]
    public required TimeProvider Time { get; init; }

    private bool IsActive => _row?.Run.Status is RunStatuses.Queued or RunStatuses.Running;

    private bool CanResume => _row?.Run.Status is RunStatuses.Failed or RunStatuses.Cancelled;

    private string Remaining
    {
        get
        {
            if (_row?.Run is not { Status: RunStatuses.Running, StartedAt: { } started, Step: > 0 } run || run.TotalSteps <= run.Step || run.Attempt > 1)
            {
                return "";
            }

            var left = (Time.GetUtcNow() - started) / run.Step * (run.TotalSteps - run.Step);
            return left.TotalMinutes < 1 ? "· less than a minute left" : $"· about {Math.Round(left.TotalMinutes)} min left";
        }
    }

    private string Config
    {
        get
        {
            try
            {
                using var document = JsonDocument.Parse(_row!.Run.ConfigJson);
                return JsonSerializer.Serialize(document, s_indented);
            }
            catch (JsonException)
            {
                return _row!.Run.ConfigJson;
            }
        }
    }

    protected override async Task OnInitializedAsync()
    {
        _canSteer = ProjectAccess.SeesEverything((await Authentication).User);

        // Subscribed before the first read: what changes in between is read again rather than missed.
        if (RendererInfo.IsInteractive)
        {
            _subscription = Notifier.Subscribe(Id, () => InvokeAsync(RefreshAsync));
        }

        await RefreshAsync();
        if (_row is null)
        {
            Navigation.NotFound();
        }
    }

    private async Task RefreshAsync()
    {
        _row = await Runs.FindAsync(Id);
        if (_row is null)
        {
            return;
        }

        // Charts need the browser; the prerendered page would read the points for nothing.
        if (RendererInfo.IsInteractive)
        {
            _curves.Append((await Runs.PointsAsync(Id, _curves.LastStep)).Where(p => p.Step > _curves.LastStep).ToList());
        }

        if (_row.Run.Kind == RunKinds.Sample && (_samples.Count == 0 || !IsActive))
        {
            _samples = await Runs.SamplesAsync(Id, SampleCount);
        }

        if (_row.Run.Kind == RunKinds.RewardModel)
        {
            _calibration = await Runs.CalibrationAsync(Id);
        }

        StateHasChanged();
    }

    private Task CancelAsync() => SteerAsync(async () =>
    {
        await Runs.RequestCancelAsync(Id);
        _cancelAsked = true;
        _confirmCancel = false;
    });

    private Task ResumeAsync() => SteerAsync(async () =>
    {
        _notice = await Runs.ResumeAsync(Id)
            ? "The run is queued again; a worker goes on from its last saved state."
            : "The run is in another state by now.";
        _cancelAsked = false;
        await RefreshAsync();
    });

    private async Task SteerAsync(Func<Task> action)
    {
        if (_canSteer && !_busy)
        {
            _busy = true;
            await action();
            _busy = false;
        }
    }

    public void Dispose() => _subscription?.Dispose();
}
