using System.Diagnostics.Metrics;
using Rlhf.Hosting.Telemetry;

namespace Rlhf.Hosting.Messaging;

/// <summary>What the bus counts. Durations are seconds.</summary>
internal static class MessagingMetrics
{
    private static readonly Counter<long> s_dispatched =
        RlhfTelemetry.Meter.CreateCounter<long>("rlhf.outbox.dispatched", "{message}", "Attempts to publish an outbox row, by type and outcome (published, failed, set_aside).");

    private static readonly Histogram<double> s_dispatchDuration =
        RlhfTelemetry.Meter.CreateHistogram<double>("rlhf.outbox.dispatch.duration", "s", "Time to publish an outbox row, to the broker's confirmation.");

    private static readonly Counter<long> s_consumed =
        RlhfTelemetry.Meter.CreateCounter<long>("rlhf.messages.consumed", "{message}", "Deliveries, by endpoint and outcome (handled, failed, held_back, set_aside, cancelled).");

    private static readonly Histogram<double> s_consumeDuration =
        RlhfTelemetry.Meter.CreateHistogram<double>("rlhf.messages.consume.duration", "s", "Time an endpoint took for a delivery, immediate retries included.");

    private static readonly Gauge<long> s_depth = RlhfTelemetry.Meter.CreateGauge<long>("rlhf.outbox.depth", "{message}", "Rows in the outbox.");
    private static readonly Gauge<double> s_lag = RlhfTelemetry.Meter.CreateGauge<double>("rlhf.outbox.lag", "s", "Age of the oldest row in the outbox.");
    private static readonly Gauge<long> s_failed = RlhfTelemetry.Meter.CreateGauge<long>("rlhf.messages.failed", "{message}", "Messages that have failed and are delivered again.");
    private static readonly Gauge<long> s_setAside = RlhfTelemetry.Meter.CreateGauge<long>("rlhf.messages.set_aside", "{message}", "Messages that were set aside.");

    public static void Dispatched(string type, string outcome, TimeSpan duration)
    {
        s_dispatched.Add(1, new("type", type), new("outcome", outcome));
        s_dispatchDuration.Record(duration.TotalSeconds, new KeyValuePair<string, object?>("type", type));
    }

    public static void Consumed(string endpoint, string outcome, TimeSpan duration)
    {
        s_consumed.Add(1, new("endpoint", endpoint), new("outcome", outcome));
        s_consumeDuration.Record(duration.TotalSeconds, new KeyValuePair<string, object?>("endpoint", endpoint));
    }

    public static void Measured(long depth, TimeSpan lag, long failed, long setAside)
    {
        s_depth.Record(depth);
        s_lag.Record(lag.TotalSeconds);
        s_failed.Record(failed);
        s_setAside.Record(setAside);
    }
}
