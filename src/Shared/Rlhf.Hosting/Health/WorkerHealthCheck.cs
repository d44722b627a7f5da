using System.Globalization;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Rlhf.Hosting;

/// <summary>The run worker's loop turns.</summary>
public sealed class WorkerHealthCheck(WorkerPulse pulse) : IHealthCheck
{
    /// <summary>A beat is due every few seconds (Runs:HeartbeatInterval, Runs:PollInterval); a database that is slow to answer may hold one up.</summary>
    internal static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    /// <inheritdoc/>
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var age = pulse.Age;
        return Task.FromResult(age <= Limit
            ? HealthCheckResult.Healthy()
            : HealthCheckResult.Unhealthy(string.Create(CultureInfo.InvariantCulture, $"The run worker has not been heard of for {age.TotalSeconds:F0} s.")));
    }
}
