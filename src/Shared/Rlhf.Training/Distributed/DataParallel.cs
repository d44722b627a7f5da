// B rows, T columns.
using System.Text.Json;
using System.Text.Json.Serialization;
using Rlhf.Torch.Extensions.Distributed;
using Rlhf.Training.Checkpointing;
using Rlhf.Training.Offline;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Rlhf.Training.Distributed;

/// <summary>
/// The processes that train one model together, each on its share of every batch (Li et al. 2020, "PyTorch Distributed"). A batch is the
/// joint one: every rank divides by its totals, gradients are summed, and so the result does not depend on the number of ranks. Every rank
/// must make the same calls in the same order. Of <see cref="Alone"/> every call returns what it was given.
/// </summary>
public sealed class DataParallel : IDisposable
{
    // As DistributedDataParallel's bucket_cap_mb.
    private const long BucketBytes = 25L << 20;

    private static readonly JsonSerializerOptions Json = new() { NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals };

    private readonly ProcessGroup? _group;

    /// <summary>The ranks of a group; the group stays the caller's unless it came from <see cref="FromEnvironment"/>.</summary>
    public DataParallel(ProcessGroup group) => _group = group;

    private DataParallel()
    {
    }

    /// <summary>One process that trains alone.</summary>
    public static DataParallel Alone { get; } = new();

    /// <summary>This process's number, from 0.</summary>
    public int Rank => _group?.Rank ?? 0;

    /// <summary>How many processes there are.</summary>
    public int Size => _group?.Size ?? 1;

    /// <summary>Whether this is the process that writes states, checkpoints and reports: rank 0.</summary>
    public bool IsMain => Rank == 0;

    /// <summary>Meets the other ranks if the environment names any (<see cref="RankEnvironment"/>).</summary>
    /// <exception cref="DistributedException">If the variables are unusable or the ranks do not meet.</exception>
    public static DataParallel FromEnvironment() => RankEnvironment.Read() is { } environment ? new(ProcessGroup.Join(environment)) : Alone;

    /// <summary>The rows this rank computes: every <see cref="Size"/>-th, so that rows sorted by length are shared fairly.</summary>
    public T[] Share<T>(T[] rows) => _group is null ? rows : [.. rows.Where((_, i) => i % Size == Rank)];

    /// <summary>The part of <paramref name="count"/> rows beside each other that this rank samples; <see cref="Gather"/> joins the parts.</summary>
    public (int Start, int Count) Block(int count) => Block(count, Rank);

    /// <summary>The part of <paramref name="count"/> rows beside each other that another rank has.</summary>
    public (int Start, int Count) Block(int count, int rank)
    {
        var start = (int)((long)count * rank / Size);
        return (start, (int)((long)count * (rank + 1) / Size) - start);
    }

    /// <summary>What every rank has, in the order of the ranks.</summary>
    public T[] Gather<T>(T[] mine) =>
        _group is null ? mine : [.. _group.AllGather(JsonSerializer.SerializeToUtf8Bytes(mine, Json)).SelectMany(part => JsonSerializer.Deserialize<T[]>(part, Json)!)];

    /// <summary>Whether any rank says so.</summary>
    public bool Any(bool mine) => _group is null ? mine : Reduce([mine ? 1 : 0], ReduceOperation.Max)[0] > 0;

    /// <summary>The sum of a number over the ranks.</summary>
    public double Sum(double mine) => _group is null ? mine : Reduce([mine], ReduceOperation.Sum)[0];

    /// <summary>The largest of the ranks' numbers.</summary>
    public double Max(double mine) => _group is null ? mine : Reduce([mine], ReduceOperation.Max)[0];

    /// <summary>The sum of a tensor over the ranks; the argument may be overwritten.</summary>
    public Tensor Sum(Tensor mine)
    {
        _group?.AllReduce(mine);
        return mine;
    }

    /// <summary>Puts rows in their places, together with those that the other ranks computed.</summary>
    /// <param name="parts">What this rank computed, one part after another, each [rows, T].</param>
    /// <param name="rows">The place of each of this rank's rows.</param>
    /// <param name="count">B: rows of all ranks.</param>
    /// <param name="columns">T.</param>
    /// <returns>[B, T].</returns>
    public Tensor JoinRows(IReadOnlyList<Tensor> parts, int[] rows, int count, int columns)
    {
        ArgumentNullException.ThrowIfNull(parts);
        ArgumentNullException.ThrowIfNull(rows);

        // Rows of other ranks point at the row of zeros behind the last; then the sum is exact.
        var places = new long[count];
        Array.Fill(places, rows.Length);
        for (var i = 0; i < rows.Length; i++)
        {
            places[rows[i]] = i;
        }

        return Sum(cat([.. parts, zeros(1, columns)]).index_select(0, tensor(places)));
    }

    /// <summary>
    /// Sums the gradients over the ranks, in buckets that travel while the next is packed. A parameter that had a gradient on no rank keeps none.
    /// </summary>
    /// <param name="parameters">The parameters, in the same order on every rank.</param>
    public void SumGradients(IEnumerable<Parameter> parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        if (_group is null)
        {
            return;
        }

        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var all = parameters.ToArray();
        var used = Reduce([.. all.Select(p => p.grad is null ? 0.0 : 1.0)], ReduceOperation.Max);
        var gradients = new List<Tensor>();
        for (var i = 0; i < all.Length; i++)
        {
            if (used[i] > 0)
            {
                if (all[i].grad is null)
                {
                    all[i].grad = zeros_like(all[i]);
                }

                gradients.Add(all[i].grad!);
            }
        }

        var travelling = new List<(Tensor Flat, Tensor[] Gradients, CollectiveWork Work)>();
        foreach (var bucket in Buckets(gradients))
        {
            var flat = cat([.. bucket.Select(g => g.reshape(-1))]);
            travelling.Add((flat, bucket, _group.BeginAllReduce(flat)));
        }

        foreach (var (flat, bucket, work) in travelling)
        {
            work.Wait();
            long start = 0;
            foreach (var gradient in bucket)
            {
                gradient.copy_(flat.narrow(0, start, gradient.numel()).reshape(gradient.shape));
                start += gradient.numel();
            }
        }
    }

    /// <summary>Gives every rank the parameters of rank 0.</summary>
    public void Broadcast(IEnumerable<Parameter> parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        if (_group is null)
        {
            return;
        }

        using var noGrad = no_grad();
        foreach (var parameter in parameters)
        {
            using var scope = NewDisposeScope();
            var weights = parameter.detach().contiguous();
            _group.Broadcast(weights);
            parameter.copy_(weights);
        }
    }

    /// <summary>Sums what the steps of the ranks showed.</summary>
    public MetricSums Sum(MetricSums mine)
    {
        ArgumentNullException.ThrowIfNull(mine);
        if (_group is null)
        {
            return mine;
        }

        var joint = new MetricSums();
        foreach (var (name, sum, weight) in Gather(mine.Entries().Select(e => new MetricEntry(e.Name, e.Sum, e.Weight)).ToArray()))
        {
            joint.Add(name, sum, weight);
        }

        return joint;
    }

    /// <summary>The newest state, read by rank 0 and sent to the others; null where there is none.</summary>
    /// <param name="store">Where states lie; null: nowhere. Only rank 0's counts.</param>
    /// <param name="configuration">As in <see cref="TrainingStateStore.LoadLatest"/>.</param>
    /// <param name="warn">As in <see cref="TrainingStateStore.LoadLatest"/>.</param>
    public TrainingState? LoadLatest(TrainingStateStore? store, string configuration, Action<string>? warn)
    {
        var state = IsMain ? store?.LoadLatest(configuration, warn) : null;
        return _group is null ? state : TrainingStateBroadcast.Send(_group, state);
    }

    /// <summary>Returns once every rank has called it.</summary>
    public void Barrier() => _group?.Barrier();

    /// <inheritdoc/>
    public void Dispose() => _group?.Dispose();

    private static IEnumerable<Tensor[]> Buckets(List<Tensor> gradients)
    {
        var bucket = new List<Tensor>();
        long bytes = 0;
        foreach (var gradient in gradients)
        {
            bucket.Add(gradient);
            bytes += gradient.numel() * gradient.element_size();
            if (bytes >= BucketBytes)
            {
                yield return [.. bucket];
                bucket.Clear();
                bytes = 0;
            }
        }

        if (bucket.Count > 0)
        {
            yield return [.. bucket];
        }
    }

    private double[] Reduce(double[] values, ReduceOperation operation)
    {
        using var scope = NewDisposeScope();
        var reduced = tensor(values);
        _group!.AllReduce(reduced, operation);
        return reduced.data<double>().ToArray();
    }

    private sealed record MetricEntry(string Name, double Sum, double Weight);
}
