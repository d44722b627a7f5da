using System.Net;
using System.Net.Sockets;
using Rlhf.Torch.Extensions.Distributed;

namespace Rlhf.Torch.Extensions.Tests.Distributed;

/// <summary>Several ranks in one process, a thread each: the collectives are those of several processes.</summary>
internal static class Ranks
{
    /// <summary>A port nobody listens on now.</summary>
    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>Where a rank on this machine meets the others.</summary>
    public static RankEnvironment Environment(int rank, int size, int port, double seconds = 300) =>
        new(rank, size, rank, "127.0.0.1", port, TimeSpan.FromSeconds(seconds), "");

    /// <summary>Runs a function on every rank and returns what each gave. A build without process groups skips the test.</summary>
    public static T[] Run<T>(int size, Func<ProcessGroup, T> function, double seconds = 300)
    {
        Assert.SkipUnless(DistributedLibrary.IsAvailable, $"no process groups in this build: {DistributedLibrary.Problem}");
        TorchRuntime.Initialize();
        var port = FreePort();
        var results = new T[size];
        var errors = new Exception?[size];
        var threads = Enumerable.Range(0, size).Select(rank => new Thread(() =>
        {
            try
            {
                using var group = ProcessGroup.Join(Environment(rank, size, port, seconds));
                results[rank] = function(group);
            }
            catch (Exception error)
            {
                errors[rank] = error;
            }
        })).ToArray();
        Array.ForEach(threads, t => t.Start());
        Array.ForEach(threads, t => t.Join());
        var faults = errors.Where(e => e is not null).Select(e => e!).ToArray();
        return faults.Length == 0 ? results : throw new AggregateException(faults);
    }
}
