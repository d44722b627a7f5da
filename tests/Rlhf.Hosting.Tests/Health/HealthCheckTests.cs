using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Rlhf.Hosting.Tests.Health;

public sealed class HealthCheckTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("rlhf-health-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task Store_WithRoom_IsHealthyAndLeavesNothingBehind()
    {
        var result = await CheckStoreAsync(new StorageOptions { DataDirectory = _directory, MinimumFreeBytes = 0 });
        Assert.Equal(HealthStatus.Healthy, result.Status);
        Assert.Empty(Directory.GetFiles(Path.Combine(_directory, "checkpoints")));
    }

    [Fact]
    public async Task Store_DiskNearlyFull_IsUnhealthyAndNamesTheSetting()
    {
        // No disk has 2^31 MiB, two pebibytes.
        var result = await CheckStoreAsync(new StorageOptions { DataDirectory = _directory, MinimumFreeBytes = 1L << 50 });
        Assert.Equal(HealthStatus.Unhealthy, result.Status);
        Assert.Contains("less than Storage:MinimumFreeBytes = 1,125,899,906,842,624", result.Description, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Store_ThatCannotBeWritten_IsUnhealthyAndDoesNotTellWhere()
    {
        var file = Path.Combine(_directory, "file");
        await File.WriteAllTextAsync(file, "", TestContext.Current.CancellationToken);
        var result = await CheckStoreAsync(new StorageOptions { DataDirectory = _directory, CheckpointDirectory = Path.Combine(file, "below") });
        Assert.Equal(HealthStatus.Unhealthy, result.Status);
        Assert.Equal("The checkpoint store cannot be written.", result.Description);
    }

    [Fact]
    public async Task Worker_ThatIsSilentForTooLong_IsUnhealthyUntilItsNextBeat()
    {
        var time = new Clock();
        var pulse = new WorkerPulse(time);
        var check = new WorkerHealthCheck(pulse);
        async Task<HealthStatus> StatusAsync() => (await check.CheckHealthAsync(new HealthCheckContext(), TestContext.Current.CancellationToken)).Status;

        time.Advance(WorkerHealthCheck.Limit);
        Assert.Equal(HealthStatus.Healthy, await StatusAsync());
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(HealthStatus.Unhealthy, await StatusAsync());
        pulse.Beat();
        Assert.Equal(HealthStatus.Healthy, await StatusAsync());
    }

    [Fact]
    public void ReadyCheck_AskedForTwice_IsMadeOnce()
    {
        var services = new ServiceCollection();
        services.AddReadyCheck<WorkerHealthCheck>("run worker").AddReadyCheck<WorkerHealthCheck>("run worker");
        using var provider = services.BuildServiceProvider();
        var registration = Assert.Single(provider.GetRequiredService<IOptions<HealthCheckServiceOptions>>().Value.Registrations);
        Assert.Equal([HealthEndpoints.ReadyTag], registration.Tags);
    }

    private static Task<HealthCheckResult> CheckStoreAsync(StorageOptions options) =>
        new CheckpointStoreHealthCheck(Options.Create(options), NullLogger<CheckpointStoreHealthCheck>.Instance)
            .CheckHealthAsync(new HealthCheckContext(), TestContext.Current.CancellationToken);

    private sealed class Clock : TimeProvider
    {
        private long _ticks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _ticks;

        public void Advance(TimeSpan by) => _ticks += by.Ticks;
    }
}
