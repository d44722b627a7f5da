using Labeling.Web.Features.Projects;
using Microsoft.AspNetCore.Components;
using Rlhf.Contracts.Training;

namespace Labeling.Web.Components.Pages.Projects;

/// <summary>The turns of a project's loop, newest first.</summary>
public sealed partial class CycleTable
{
    [Parameter, EditorRequired]
    public required IReadOnlyList<CycleRow> Rows { get; set; }

    private static IEnumerable<(string Name, Guid Id)> RunsOf(CycleRow row) =>
        from run in new (string Name, Guid? Id)[]
        {
            (RunKinds.RewardModel, row.Cycle.RewardRunId), (RunKinds.Ppo, row.Cycle.PpoRunId), (RunKinds.Sample, row.Cycle.SampleRunId),
        }
        where run.Id is not null
        select (run.Name, run.Id!.Value);
}
