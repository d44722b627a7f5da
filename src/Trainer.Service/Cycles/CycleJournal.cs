using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Text.Json;
using Rlhf.Data;
using Rlhf.Data.Entities;
using Rlhf.Hosting;
using Rlhf.Hosting.Telemetry;

namespace Trainer.Service.Cycles;

/// <summary>Writes decisions down: a row with every number that led to it and who decided, and an event on the span that is planning.</summary>
internal sealed class CycleJournal(AppDbContext db, TimeProvider clock)
{
    private static readonly Counter<long> s_cycles =
        RlhfTelemetry.Meter.CreateCounter<long>("rlhf.cycles", "{cycle}", "Cycles by the status they came to: a stage, completed, failed or halted.");

    /// <summary>Adds the row.</summary>
    /// <param name="project">The project decided about.</param>
    /// <param name="cycle">The cycle, if the decision belongs to one.</param>
    /// <param name="decision">One phrase; docs/guides/cycles.md lists them.</param>
    /// <param name="numbers">An object whose properties are the numbers compared.</param>
    /// <param name="userId">Who decided; null: the planner.</param>
    public void Decide(Project project, Cycle? cycle, string decision, object numbers, Guid? userId = null)
    {
        db.CycleDecisions.Add(new CycleDecision
        {
            ProjectId = project.Id,
            CycleId = cycle?.Id,
            Decision = decision,
            UserId = userId,
            NumbersJson = JsonSerializer.Serialize(numbers, JsonSerializerOptions.Web),
            CreatedAt = Now(project),
        });
        Activity.Current?.AddEvent(new ActivityEvent(decision));
    }

    // Decisions of one moment are read in the order in which they were made. A microsecond is the least that PostgreSQL keeps apart.
    private DateTimeOffset Now(Project project)
    {
        var now = clock.GetUtcNow();
        var last = db.CycleDecisions.Local.Where(d => d.ProjectId == project.Id).Select(d => d.CreatedAt).DefaultIfEmpty().Max();
        return now > last ? now : last.AddMicroseconds(1);
    }

    /// <summary>Sets a stage, or how the cycle ended.</summary>
    /// <param name="cycle">The cycle.</param>
    /// <param name="status">One of <see cref="CycleStatuses"/>.</param>
    /// <param name="reason">Why it failed or was halted.</param>
    public void Enter(Cycle cycle, string status, string? reason = null)
    {
        cycle.Status = status;
        cycle.NextStage = null;
        cycle.Reason = reason;
        cycle.FinishedAt = CycleStatuses.Unfinished.Contains(status) ? null : clock.GetUtcNow();
        AfterCommit.Do(db, () => s_cycles.Add(1, new KeyValuePair<string, object?>("status", status)));
        Activity.Current?.SetTag("rlhf.cycle", cycle.Number).SetTag("rlhf.cycle.status", status);
    }
}
