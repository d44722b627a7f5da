using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Rlhf.Hosting;

/// <summary>Registration of health checks.</summary>
public static class HealthServices
{
    /// <summary>Adds a check to <c>/health/ready</c>. A process that holds several services asks for the same one more than once and gets it once.</summary>
    /// <typeparam name="T">The check.</typeparam>
    /// <param name="services">The application's services.</param>
    /// <param name="name">Name in the answer.</param>
    public static IServiceCollection AddReadyCheck<T>(this IServiceCollection services, string name)
        where T : class, IHealthCheck
    {
        services.AddHealthChecks();
        return services.Configure<HealthCheckServiceOptions>(options =>
        {
            if (options.Registrations.All(check => check.Name != name))
            {
                options.Registrations.Add(new HealthCheckRegistration(name, ActivatorUtilities.GetServiceOrCreateInstance<T>, failureStatus: null, [HealthEndpoints.ReadyTag]));
            }
        });
    }
}
