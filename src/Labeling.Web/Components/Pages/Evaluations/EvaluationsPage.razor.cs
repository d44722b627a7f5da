using Labeling.Web.Features.Evaluations;
using Labeling.Web.Features.Projects;
using Labeling.Web.Live;
using Labeling.Web.Security;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Authorization;
using Rlhf.Data.Entities;

namespace Labeling.Web.Components.Pages.Evaluations;

/// <summary>What was measured of a project's checkpoints, side by side, and their ranking. The judge of the ranking lives in the URL.</summary>
public sealed partial class EvaluationsPage : IDisposable
{
    private const int RunsShown = 5;

    // Wider tables cannot be read; older checkpoints have pages of their own.
    private const int ColumnsShown = 8;

    private Project? _project;
    private IReadOnlyList<EvaluationRow>? _rows;
    private IReadOnlyList<LeaderboardRow> _leaderboard = [];
    private IReadOnlyList<HumanComparison> _human = [];
    private IReadOnlyList<Checkpoint> _candidates = [];
    private IReadOnlyList<Run> _runs = [];
    private IReadOnlyList<string> _faults = [];
    private Guid? _checkpoint, _baseline;
    private int? _blind;
    private string? _note;
    private bool _busy;
    private IDisposable? _subscription;

    [Parameter]
    public required string Slug { get; set; }

    [SupplyParameterFromQuery]
    private string? Judge { get; set; }

    [CascadingParameter]
    public required Task<AuthenticationState> Authentication { get; set; }

    [Inject]
    public required ProjectCatalog Projects { get; init; }

    [Inject]
    public required EvaluationCatalog Evaluations { get; init; }

    [Inject]
    public required ProjectNotifier Notifier { get; init; }

    [Inject]
    public required NavigationManager Navigation { get; init; }

    private string Judged => Judge is not null && EvaluationCatalog.Judges.Contains(Judge) ? Judge : EvaluationCatalog.Judges[0];

    private IEnumerable<int> Columns => _rows!.Select(r => r.CheckpointVersion).Distinct().OrderDescending().Take(ColumnsShown);

    // A win rate against another policy is another line.
    private IEnumerable<(string Task, string Variant, string Metric, Dictionary<int, EvaluationResult> Cells)> Lines => EvaluationCatalog.Latest(_rows!)
        .GroupBy(r => (r.Result.Task, Variant: EvaluationText.Variant(r), r.Result.Metric))
        .OrderBy(g => g.Key.Task, StringComparer.Ordinal).ThenBy(g => g.Key.Metric, StringComparer.Ordinal).ThenBy(g => g.Key.Variant, StringComparer.Ordinal)
        .Select(g => (g.Key.Task, g.Key.Variant, g.Key.Metric, g.ToDictionary(r => r.CheckpointVersion, r => r.Result)));

    protected override async Task OnParametersSetAsync()
    {
        _project = await Projects.FindAsync(Slug);
        if (_project is null)
        {
            Navigation.NotFound();
            return;
        }

        await LoadAsync();
        _checkpoint ??= _candidates.Count > 0 ? _candidates[0].Id : null;
        if (RendererInfo.IsInteractive)
        {
            _subscription ??= Notifier.Subscribe(_project.Id, () => InvokeAsync(async () =>
            {
                await LoadAsync();
                StateHasChanged();
            }));
        }
    }

    private async Task LoadAsync()
    {
        var id = _project!.Id;
        _candidates = await Evaluations.CandidatesAsync(id);
        _runs = await Evaluations.RunsAsync(id, RunsShown);
        _leaderboard = await Evaluations.LeaderboardAsync(id, Judged);
        _human = await Evaluations.HumanComparisonsAsync(id);
        _rows = await Evaluations.ListAsync(id);
    }

    private async Task StartAsync()
    {
        var user = (await Authentication).User;
        if (_busy || !ProjectAccess.SeesEverything(user) || _checkpoint is not { } checkpoint)
        {
            return;
        }

        (_busy, _note) = (true, null);
        try
        {
            (var run, _faults) = await Evaluations.StartAsync(_project!.Id, checkpoint, _baseline, _blind);
            _note = run is null ? null : "Asked for. It runs when nothing else waits for the device.";
            await LoadAsync();
        }
        finally
        {
            _busy = false;
        }
    }

    private string Name(Guid? checkpoint) => _candidates.FirstOrDefault(c => c.Id == checkpoint) is { } found ? $"policy v{found.Version}" : "a policy that is gone";

    public void Dispose() => _subscription?.Dispose();
}
