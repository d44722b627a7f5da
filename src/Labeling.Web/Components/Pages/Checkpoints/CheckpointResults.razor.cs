using Labeling.Web.Features.Evaluations;
using Microsoft.AspNetCore.Components;
using Rlhf.Data.Entities;

namespace Labeling.Web.Components.Pages.Checkpoints;

/// <summary>The last results of one checkpoint's evaluations.</summary>
public sealed partial class CheckpointResults
{
    private IReadOnlyList<EvaluationRow>? _rows;

    [Parameter, EditorRequired]
    public required Checkpoint Checkpoint { get; set; }

    [Parameter, EditorRequired]
    public required string Slug { get; set; }

    [Inject]
    public required EvaluationCatalog Evaluations { get; init; }

    protected override async Task OnParametersSetAsync() =>
        _rows = EvaluationCatalog.Latest(await Evaluations.ListAsync(Checkpoint.ProjectId, Checkpoint.Id));
}
