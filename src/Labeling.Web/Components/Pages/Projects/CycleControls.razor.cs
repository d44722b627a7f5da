using Labeling.Web.Features.Projects;
using Labeling.Web.Security;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Authorization;
using Rlhf.Data.Entities;

namespace Labeling.Web.Components.Pages.Projects;

/// <summary>Pause, resume and step, each with what it will do. Shown to those who may.</summary>
public sealed partial class CycleControls
{
    private bool _busy;

    [Parameter, EditorRequired]
    public required ProjectOverview Overview { get; set; }

    [Parameter]
    public EventCallback OnChanged { get; set; }

    [CascadingParameter]
    public required Task<AuthenticationState> Authentication { get; set; }

    [Inject]
    public required CycleControl Control { get; init; }

    private bool Paused => Overview.Project.PausedAt is not null;

    private Cycle? Current => Overview.Cycles.Select(c => c.Cycle).FirstOrDefault(c => CycleStatuses.Unfinished.Contains(c.Status));

    // While a stage runs there is nothing to step to.
    private bool CanStep => Overview.Project.PolicyCheckpointId is not null && (Current is null || (Paused && Current.NextStage is not null));

    private string StepLabel => Current is { NextStage: { } stage } ? $"Step: start {stage}" : Current is null && Overview.Card.Collected == 0 ? "Sample answers now" : "Start a cycle now";

    private string State => (Current, Overview.PolicyVersion) switch
    {
        (_, null) => "The project has no policy yet.",
        ({ NextStage: { } stage } cycle, _) => $"Cycle {cycle.Number}: the {cycle.Status} stage is done, {stage} waits.",
        ({ } cycle, _) => $"Cycle {cycle.Number}: the {cycle.Status} stage is under way.",
        (null, { } version) => $"Between cycles, with policy v{version}; {Overview.Card.Collected} of {Overview.Card.Needed} judgments wait.",
    };

    private string Consequence => (Paused, Current) switch
    {
        (true, { NextStage: { } stage }) => $"Resume starts {stage} and lets the cycle run through. A step starts {stage} and stops after it.",
        (true, not null) => "The stage that is under way finishes; what follows waits. Resume lets the cycle run through.",
        (true, null) => $"Nothing starts until somebody resumes. {NewCycle} and stops after its first stage.",
        (false, not null) => "Pause lets the stage that is under way finish and holds the next one back.",
        (false, null) => $"Pause holds new cycles back; judgments are still collected. {NewCycle}.",
    };

    private string NewCycle => Overview.Card.Collected > 0
        ? $"Starting a cycle now trains a reward model on {Math.Min(Overview.Card.Collected, Overview.Card.Needed)} new judgments"
        : "No judgment waits for a cycle: the button asks the policy for more answers if too few are open";

    private async Task ActAsync(Func<Guid, Guid, CancellationToken, Task> act)
    {
        var user = (await Authentication).User;
        if (_busy || !ProjectAccess.SeesEverything(user))
        {
            return;
        }

        _busy = true;
        try
        {
            await act(Overview.Project.Id, user.Id(), CancellationToken.None);
            await OnChanged.InvokeAsync();
        }
        finally
        {
            _busy = false;
        }
    }
}
