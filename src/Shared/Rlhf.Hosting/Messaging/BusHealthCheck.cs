using MassTransit;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;

namespace Rlhf.Hosting.Messaging;

/// <summary>The bus is connected and every endpoint of this process listens; otherwise says which part is not there.</summary>
internal sealed class BusHealthCheck(IBusControl bus, IOptions<MessagingOptions> options) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var health = bus.CheckHealth();
        if (health.Status == BusHealthStatus.Healthy)
        {
            return Task.FromResult(HealthCheckResult.Healthy());
        }

        var broken = health.Endpoints.Where(e => e.Value.Status != BusHealthStatus.Healthy).Select(e => EndpointMap.NameOf(e.Value.InputAddress ?? new Uri(e.Key))).Order(StringComparer.Ordinal).ToArray();
        var transport = options.Value.IsDurable ? "The broker is not connected" : "The bus has not started";
        return Task.FromResult(HealthCheckResult.Unhealthy(
            broken.Length == 0 || broken.Length == health.Endpoints.Count ? $"{transport}." : $"Endpoints that do not listen: {string.Join(", ", broken)}."));
    }
}
