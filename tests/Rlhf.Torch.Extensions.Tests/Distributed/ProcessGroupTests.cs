using Rlhf.Torch.Extensions.Distributed;
using static TorchSharp.torch;

namespace Rlhf.Torch.Extensions.Tests.Distributed;

public sealed class ProcessGroupTests
{
    [Fact]
    public void AllReduce_OfThreeRanks_IsTheSumAndTheLargest()
    {
        // Ranks hold 1, 2, 3: the sum is 6, the largest 3.
        var results = Ranks.Run(3, group =>
        {
            using var scope = NewDisposeScope();
            var (sum, largest) = (full([2, 2], group.Rank + 1f), tensor(new long[] { group.Rank + 1 }));
            group.AllReduce(sum);
            group.AllReduce(largest, ReduceOperation.Max);
            return (sum.data<float>().ToArray(), largest.item<long>());
        });

        Assert.All(results, r => Assert.Equal([6f, 6f, 6f, 6f], r.Item1));
        Assert.All(results, r => Assert.Equal(3, r.Item2));
    }

    [Fact]
    public void BeginAllReduce_OfTwoTensorsAtOnce_SumsBoth()
    {
        var results = Ranks.Run(2, group =>
        {
            using var scope = NewDisposeScope();
            var (first, second) = (full([1000], 1f), full([3], (float)group.Rank));
            CollectiveWork[] works = [group.BeginAllReduce(first), group.BeginAllReduce(second)];
            Array.ForEach(works, w => w.Wait());
            return (first[999].item<float>(), second[0].item<float>());
        });

        Assert.All(results, r => Assert.Equal((2f, 1f), r));
    }

    [Fact]
    public void Broadcast_OfOneRank_OverwritesTheOthers()
    {
        var results = Ranks.Run(2, group =>
        {
            using var scope = NewDisposeScope();
            var value = full([3], (float)group.Rank);
            group.Broadcast(value, root: 1);
            return (value.data<float>().ToArray(), group.Broadcast([(byte)group.Rank, 7], root: 1), group.Broadcast([], root: 0));
        });

        Assert.All(results, r => Assert.Equal([1f, 1f, 1f], r.Item1));
        Assert.All(results, r => Assert.Equal([1, 7], r.Item2));
        Assert.All(results, r => Assert.Empty(r.Item3));
    }

    [Fact]
    public void AllGather_OfBytesOfDifferentLengths_KeepsTheirOrder()
    {
        var results = Ranks.Run(3, group => (Filled: group.AllGather(Enumerable.Repeat((byte)group.Rank, group.Rank).ToArray()), Empty: group.AllGather([])));

        Assert.All(results, r => Assert.Equal<byte[]>([[], [1], [2, 2]], r.Filled));
        Assert.All(results, r => Assert.All(r.Empty, Assert.Empty));
    }

    [Fact]
    public void Collectives_Done_LeaveNoTensors()
    {
        TorchRuntime.Initialize();
        Assert.SkipUnless(TorchRuntime.LiveTensorsIsExact, "the package counts otherwise");
        var before = TorchRuntime.LiveTensors;

        Ranks.Run(2, group =>
        {
            using var scope = NewDisposeScope();
            group.AllGather(ones(4));
            group.AllGather([1, 2]);
            group.Barrier();
            return 0;
        });

        Assert.Equal(before, TorchRuntime.LiveTensors);
    }

    [Fact]
    public void AllReduce_AfterARankHasGone_SaysSo()
    {
        // Rank 1 leaves without the second all-reduce; its closed connections reach rank 0 long before the timeout.
        var error = Assert.Throws<AggregateException>(() => Ranks.Run(2, group =>
        {
            using var scope = NewDisposeScope();
            group.AllReduce(ones(1));
            if (group.Rank == 0)
            {
                group.AllReduce(ones(1));
            }

            return 0;
        }));

        var fault = Assert.IsType<DistributedException>(Assert.Single(error.InnerExceptions));
        Assert.StartsWith("rank 0 of 2: another rank has ended or does not answer", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AllReduce_WithARankThatDoesNotAnswer_EndsAtTheTimeout()
    {
        using var done = new ManualResetEventSlim();
        var error = Assert.Throws<AggregateException>(() => Ranks.Run(
            2,
            group =>
            {
                using var scope = NewDisposeScope();
                group.AllReduce(ones(1));
                if (group.Rank == 1)
                {
                    done.Wait();
                    return 0;
                }

                try
                {
                    group.AllReduce(ones(1));
                }
                finally
                {
                    done.Set();
                }

                return 0;
            },
            seconds: 5));

        Assert.Contains("timeout 5 s", Assert.Single(error.InnerExceptions).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Join_Alone_EndsAtTheTimeout()
    {
        Assert.SkipUnless(DistributedLibrary.IsAvailable, $"no process groups in this build: {DistributedLibrary.Problem}");

        var error = Assert.Throws<DistributedException>(() => ProcessGroup.Join(Ranks.Environment(0, 2, Ranks.FreePort(), seconds: 1)));

        Assert.StartsWith("rank 0 of 2 did not meet the others at 127.0.0.1:", error.Message, StringComparison.Ordinal);
    }
}
