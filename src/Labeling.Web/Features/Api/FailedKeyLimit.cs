using System.Threading.RateLimiting;

namespace Labeling.Web.Features.Api;

/// <summary>
/// Guessing keys is hopeless, but every guess costs a look into the database: after some wrong ones in a minute an address is refused
/// without looking, until the minute is over.
/// </summary>
internal sealed class FailedKeyLimit : IDisposable
{
    public const int FailuresPerMinute = 20;

    private readonly PartitionedRateLimiter<string> _failures = PartitionedRateLimiter.Create<string, string>(address =>
        RateLimitPartition.GetFixedWindowLimiter(
            address, _ => new FixedWindowRateLimiterOptions { PermitLimit = FailuresPerMinute, Window = TimeSpan.FromMinutes(1) }));

    /// <summary>True once the address has used up its failures.</summary>
    public bool IsExhausted(string address) => _failures.GetStatistics(address) is { CurrentAvailablePermits: 0 };

    /// <summary>Counts one failure.</summary>
    public void Count(string address) => _failures.AttemptAcquire(address).Dispose();

    public void Dispose() => _failures.Dispose();
}
