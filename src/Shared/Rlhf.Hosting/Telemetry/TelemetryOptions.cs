using System.ComponentModel.DataAnnotations;

namespace Rlhf.Hosting.Telemetry;

/// <summary>
/// Section "Telemetry": what this process tells a monitoring system. The exporter itself takes OpenTelemetry's standard variables
/// (<c>OTEL_EXPORTER_OTLP_ENDPOINT</c>, <c>OTEL_SERVICE_NAME</c> …).
/// </summary>
public sealed class TelemetryOptions
{
    /// <summary>Name of the section.</summary>
    public const string Section = "Telemetry";

    /// <summary>Opens /metrics for a Prometheus server that sends this token as "Authorization: Bearer TOKEN"; without one there is no such address.</summary>
    [MinLength(16, ErrorMessage = "Telemetry:MetricsToken must have at least 16 characters.")]
    public string? MetricsToken { get; set; }
}
