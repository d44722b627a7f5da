using System.Text;
using System.Text.Json.Nodes;
using Rlhf.Modeling.Transformer;
using TorchSharp;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Checkpoints;

/// <summary>Writes a model's tensors to a directory: one file, or shards and their index when they are larger than a shard can be.</summary>
internal static class WeightsWriter
{
    /// <summary>What transformers looks for before it reads the tensors.</summary>
    private static readonly Dictionary<string, string> Metadata = new() { ["format"] = "pt" };

    /// <summary>The model's tensors as files hold them. Not copies: they live as long as the dispose scope.</summary>
    /// <exception cref="InvalidOperationException">If an adapter is attached whose update is not in the weights.</exception>
    public static IReadOnlyList<(string Name, Tensor Weight)> TensorsOf(nn.Module model)
    {
        var adapted = model.named_modules().Where(entry => entry.module is Projection { Lora: not null } or Projection { Original: not null }).ToArray();
        if (adapted.Any(entry => ((Projection)entry.module).Lora is { Merged: false }))
        {
            throw new InvalidOperationException("an adapter is attached: save it alone, or merge or detach it before saving the model");
        }

        var adapters = adapted
            .SelectMany(entry => entry.module.named_children().SelectMany(child => child.module.named_parameters().Select(inner => $"{entry.name}.{child.name}.{inner.name}")))
            .ToHashSet(StringComparer.Ordinal);
        var transposed = WeightsReader.TransposedIn(model);
        return [.. model.named_parameters().Where(entry => !adapters.Contains(entry.name)).Select(entry =>
            (entry.name, transposed.Contains(entry.name) ? entry.parameter.transpose(0, 1) : (Tensor)entry.parameter))];
    }

    /// <summary>Writes them.</summary>
    /// <param name="directory">Where; no other writer is there.</param>
    /// <param name="weights">In the order in which shards take them.</param>
    /// <param name="dtype">The type of floating-point tensors; null: each its own.</param>
    /// <param name="maxShardSize">Bytes of tensors in a file; a larger tensor has a file of its own.</param>
    public static void Write(string directory, IReadOnlyList<(string Name, Tensor Weight)> weights, ScalarType? dtype, long maxShardSize)
    {
        var shards = Shards(weights, dtype, maxShardSize);
        if (shards.Count == 1)
        {
            SafeTensorsWriter.Write(Path.Combine(directory, StoredWeights.WeightsFile), shards[0], Metadata, dtype);
            return;
        }

        var map = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (shard, i) in shards.Select((shard, i) => (shard, i)))
        {
            var file = $"model-{i + 1:D5}-of-{shards.Count:D5}.safetensors";
            SafeTensorsWriter.Write(Path.Combine(directory, file), shard, Metadata, dtype);
            foreach (var name in shard.Keys)
            {
                map[name] = file;
            }
        }

        var index = new JsonObject
        {
            ["metadata"] = new JsonObject { ["total_size"] = weights.Sum(entry => SafeTensorsWriter.StoredBytes(entry.Weight, dtype)) },
            ["weight_map"] = new JsonObject(map.Select(entry => KeyValuePair.Create(entry.Key, (JsonNode?)entry.Value))),
        };
        AtomicFile.Write(
            Path.Combine(directory, StoredWeights.IndexFile), Encoding.UTF8.GetBytes(index.ToJsonString(ConfigFields.Indented) + "\n"));
    }

    private static List<Dictionary<string, Tensor>> Shards(
        IReadOnlyList<(string Name, Tensor Weight)> weights, ScalarType? dtype, long maxShardSize)
    {
        var shards = new List<Dictionary<string, Tensor>> { new(StringComparer.Ordinal) };
        var size = 0L;
        foreach (var (name, weight) in weights)
        {
            var bytes = SafeTensorsWriter.StoredBytes(weight, dtype);
            if (size > 0 && size + bytes > maxShardSize)
            {
                shards.Add(new Dictionary<string, Tensor>(StringComparer.Ordinal));
                size = 0;
            }

            shards[^1][name] = weight;
            size += bytes;
        }

        return shards;
    }
}
