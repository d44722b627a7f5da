using System.Diagnostics;
using System.Diagnostics.Metrics;
using Rlhf.Contracts.Training;
using Rlhf.Data.Entities;
using Rlhf.Hosting.Telemetry;

namespace Rlhf.Training.Runs;

/// <summary>Spans and metrics of the run queue. Every metric has the tag "rlhf.run.kind".</summary>
internal static class RunTelemetry
{
    private static readonly Counter<long> s_claims = RlhfTelemetry.Meter.CreateCounter<long>("rlhf.run.claims", "{claim}", "Runs claimed by this worker.");
    private static readonly Counter<long> s_failures = RlhfTelemetry.Meter.CreateCounter<long>("rlhf.run.failures", "{run}", "Runs that failed.");
    private static readonly Counter<long> s_retries = RlhfTelemetry.Meter.CreateCounter<long>("rlhf.run.retries", "{retry}", "Failures that are tried again by themselves.");
    private static readonly Counter<long> s_leaseLosses = RlhfTelemetry.Meter.CreateCounter<long>("rlhf.run.lease_losses", "{claim}", "Claims that passed to another worker.");
    private static readonly Histogram<double> s_duration = RlhfTelemetry.Meter.CreateHistogram<double>("rlhf.run.duration", "s", "Time from a claim to its end; tag \"rlhf.run.outcome\".");

    // Every worker reports the same numbers, those of the database: take one of them, not their sum.
    private static readonly Gauge<long> s_queued = RlhfTelemetry.Meter.CreateGauge<long>("rlhf.run.queue_depth", "{run}", "Queued runs, those that wait after a failure included.");

    /// <summary>Whether anybody wants to know how long the queue is.</summary>
    public static bool WantsQueueDepth => s_queued.Enabled;

    /// <summary>Begins the span of an attempt, under the trace of the command that asked for the run.</summary>
    public static Activity? Claimed(Run run)
    {
        s_claims.Add(1, Kind(run));
        var span = RlhfTelemetry.Start($"run {run.Kind}", ActivityKind.Consumer, run.TraceParent);
        span?.SetTag("rlhf.run.id", run.Id).SetTag("rlhf.run.kind", run.Kind).SetTag("rlhf.run.attempt", run.Attempt).SetTag("rlhf.run.device", run.Device);
        return span;
    }

    /// <summary>Records how an attempt ended.</summary>
    public static void Ended(Run run, RunOutcome outcome, TimeSpan duration, Activity? span)
    {
        var name = Name(outcome);
        s_duration.Record(duration.TotalSeconds, Kind(run), new("rlhf.run.outcome", name));
        span?.SetTag("rlhf.run.outcome", name);
        if (outcome is RunOutcome.Failed or RunOutcome.Retried or RunOutcome.LeaseLost)
        {
            var counter = outcome switch { RunOutcome.Failed => s_failures, RunOutcome.Retried => s_retries, _ => s_leaseLosses };
            counter.Add(1, Kind(run));
            span?.SetStatus(ActivityStatusCode.Error);
        }
    }

    /// <summary>Records how many runs of each kind wait; kinds that are not named have none.</summary>
    public static void QueueDepth(IReadOnlyDictionary<string, int> queued)
    {
        foreach (var kind in RunKinds.All)
        {
            s_queued.Record(queued.GetValueOrDefault(kind), new KeyValuePair<string, object?>("rlhf.run.kind", kind));
        }
    }

    private static KeyValuePair<string, object?> Kind(Run run) => new("rlhf.run.kind", run.Kind);

    private static string Name(RunOutcome outcome) => outcome switch
    {
        RunOutcome.Completed => "completed",
        RunOutcome.Failed => "failed",
        RunOutcome.Cancelled => "cancelled",
        RunOutcome.Released => "released",
        RunOutcome.Retried => "retried",
        _ => "lease_lost",
    };
}
