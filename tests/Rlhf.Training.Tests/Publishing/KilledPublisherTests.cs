using System.Diagnostics;
using System.Globalization;
using Rlhf.TestServers;

namespace Rlhf.Training.Tests.Publishing;

/// <summary>A process that is killed at any moment of a publication leaves no half checkpoint under a published name.</summary>
public sealed class KilledPublisherTests : IDisposable
{
    private const string DirectoryVariable = "RLHF_TEST_PUBLISH_DIRECTORY";

    // An orphan fills no disk.
    private const int Most = 200;

    // The child is killed and could not remove a folder of its own.
    private readonly string _root = Environment.GetEnvironmentVariable(DirectoryVariable) ?? Directory.CreateTempSubdirectory("rlhf-killed-").FullName;

    private string Checkpoints => Path.Combine(_root, "checkpoints");

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public async Task Publish_KilledInTheMiddle_LeavesOnlyWholeCheckpoints()
    {
        var seen = 0;
        for (var round = 0; round < 4; round++)
        {
            using var child = Start();
            var target = seen + 3 + round;
            await Eventually.TrueAsync(() => Published().Count >= target, "a child publishes");
            child.Kill();
            await child.WaitForExitAsync(TestContext.Current.CancellationToken);
            seen = Published().Count;
        }

        foreach (var path in Published())
        {
            // The name begins the hash of what must be there; the manifest names every file of it.
            var hash = Modeling.Checkpoints.CheckpointHash.Compute(Path.Combine(Checkpoints, path));
            Assert.StartsWith(path, hash, StringComparison.Ordinal);
            Assert.Equal(2, File.ReadLines(Path.Combine(Checkpoints, $"{path}.sha256")).Count());
        }
    }

    /// <summary>What the child does until it is killed. Not a test of its own.</summary>
    [Fact(Explicit = true)]
    public void PublishUntilKilled()
    {
        var root = Environment.GetEnvironmentVariable(DirectoryVariable);
        Assert.SkipWhen(root is null, "it is started by another test");
        var store = CheckpointStoreTests.Store(root!);
        for (var number = 0; number < Most; number++)
        {
            var weights = string.Create(CultureInfo.InvariantCulture, $"{Environment.ProcessId} {number} ") + new string('w', 1 << 20);
            store.Publish(directory => CheckpointStoreTests.Write(directory, weights));
        }
    }

    private Process Start()
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in (string[])[.. Program(), "-noLogo", "-explicit", "only", "-method", $"{typeof(KilledPublisherTests).FullName}.{nameof(PublishUntilKilled)}"])
        {
            start.ArgumentList.Add(argument);
        }

        start.Environment[DirectoryVariable] = _root;
        return Process.Start(start)!;
    }

    // Where the tests run under the dotnet command, that is the process and the assembly its first argument.
    private static string[] Program() =>
        Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? [typeof(KilledPublisherTests).Assembly.Location] : [];

    private List<string> Published() => Directory.Exists(Checkpoints)
        ? [.. Directory.GetDirectories(Checkpoints).Select(p => Path.GetFileName(p)).Where(name => name[0] != '.')]
        : [];
}
