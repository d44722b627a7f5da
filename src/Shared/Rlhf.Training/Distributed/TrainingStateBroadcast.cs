using System.Text.Json;
using System.Text.Json.Serialization;
using Rlhf.Torch.Extensions.Distributed;
using Rlhf.Training.Checkpointing;
using Rlhf.Training.Metrics;
using static TorchSharp.torch;

namespace Rlhf.Training.Distributed;

/// <summary>A training state from rank 0 to all: machines need not share a disk.</summary>
internal static class TrainingStateBroadcast
{
    private static readonly JsonSerializerOptions Json = new() { NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals };

    /// <summary>Rank 0's state on every rank; the others' argument does not count.</summary>
    public static TrainingState? Send(ProcessGroup group, TrainingState? mine)
    {
        var document = mine is null ? null : new Document(
            mine.Step,
            mine.Configuration,
            new(mine.Counters),
            new(mine.Numbers),
            [.. mine.History],
            [.. mine.Tensors.OrderBy(t => t.Key, StringComparer.Ordinal).Select(t => new Shape(t.Key, t.Value.dtype, t.Value.shape))]);
        document = JsonSerializer.Deserialize<Document>(group.Broadcast(JsonSerializer.SerializeToUtf8Bytes(document, Json)), Json);
        if (document is null)
        {
            return null;
        }

        var state = mine ?? Empty(document);
        foreach (var (name, dtype, shape) in document.Tensors)
        {
            using var scope = NewDisposeScope();
            var values = mine?.Tensors[name] ?? empty(shape, dtype: dtype);
            if (values.numel() > 0)
            {
                group.Broadcast(values);
            }

            if (mine is null)
            {
                state.Add(name, values.DetachFromDisposeScope());
            }
        }

        return state;
    }

    private static TrainingState Empty(Document document)
    {
        var state = new TrainingState(document.Step, document.Configuration, ownsTensors: true);
        foreach (var (name, value) in document.Counters)
        {
            state.Counters.Add(name, value);
        }

        foreach (var (name, value) in document.Numbers)
        {
            state.Numbers.Add(name, value);
        }

        foreach (var progress in document.History)
        {
            state.History.Add(progress);
        }

        return state;
    }

    private sealed record Shape(string Name, ScalarType Dtype, long[] Sizes);

    private sealed record Document(
        int Step,
        string Configuration,
        Dictionary<string, ulong> Counters,
        Dictionary<string, double> Numbers,
        List<TrainingProgress> History,
        List<Shape> Tensors);
}
