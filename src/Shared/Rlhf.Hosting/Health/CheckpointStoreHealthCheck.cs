using System.Globalization;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Rlhf.Hosting;

/// <summary>The checkpoint store takes a new file, and its disk has room for the next checkpoint.</summary>
public sealed partial class CheckpointStoreHealthCheck(IOptions<StorageOptions> options, ILogger<CheckpointStoreHealthCheck> logger) : IHealthCheck
{
    /// <inheritdoc/>
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var store = options.Value.CheckpointPath;
        try
        {
            Directory.CreateDirectory(store);
            var probe = Path.Combine(store, $".probe-{Guid.NewGuid():N}");
            await File.WriteAllBytesAsync(probe, [0], cancellationToken);
            File.Delete(probe);
            var free = new DriveInfo(store).AvailableFreeSpace;
            return free >= options.Value.MinimumFreeBytes
                ? HealthCheckResult.Healthy(string.Create(CultureInfo.InvariantCulture, $"{free:N0} bytes free"))
                : HealthCheckResult.Unhealthy(string.Create(CultureInfo.InvariantCulture, $"{free:N0} bytes free, less than Storage:MinimumFreeBytes = {options.Value.MinimumFreeBytes:N0}"));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            Log.CannotWrite(logger, exception);
            return HealthCheckResult.Unhealthy("The checkpoint store cannot be written.");
        }
    }

    private static partial class Log
    {
        [LoggerMessage(EventId = 4301, Level = LogLevel.Error, Message = "The checkpoint store cannot be written")]
        public static partial void CannotWrite(ILogger logger, Exception exception);
    }
}
