using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Rlhf.Hosting.Telemetry;

/// <summary>The one source of spans and the one meter of the system, for OpenTelemetry to listen to.</summary>
public static class RlhfTelemetry
{
    /// <summary>Name of both.</summary>
    public const string Name = "Rlhf";

    /// <summary>Spans: labeling, planning, runs.</summary>
    public static ActivitySource Source { get; } = new(Name);

    /// <summary>Counters, histograms and gauges; names are dotted lower case beginning with "rlhf.", as OpenTelemetry's conventions have it.</summary>
    public static Meter Meter { get; } = new(Name);

    /// <summary>Starts a span under a stored W3C trace context, or a new trace where there is none.</summary>
    /// <param name="name">Name of the span, low cardinality.</param>
    /// <param name="kind">Internal, consumer, producer …</param>
    /// <param name="traceParent">As stored with a message, a run or a judgment.</param>
    /// <param name="links">Other traces the span continues.</param>
    /// <returns>The span; null when nobody listens.</returns>
    public static Activity? Start(string name, ActivityKind kind, string? traceParent, IEnumerable<ActivityLink>? links = null) =>
        Source.StartActivity(name, kind, ActivityContext.TryParse(traceParent, null, out var parent) ? parent : default, tags: null, links);
}
