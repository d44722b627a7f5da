using Rlhf.Modeling.Transformer;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Checkpoints;

/// <summary>Fills a model with the tensors of a directory.</summary>
internal static class WeightsReader
{
    /// <summary>Reads every parameter, converting to its type.</summary>
    /// <param name="model">Its parameters' names are those that the directory must have.</param>
    /// <param name="names">The names of its family.</param>
    /// <param name="stored">The tensors.</param>
    /// <param name="directory">Their directory, for messages.</param>
    /// <exception cref="CheckpointException">If tensors are missing, unexpected, of another shape, or not finite.</exception>
    public static void Read(nn.Module model, ModuleNames names, StoredWeights stored, string directory)
    {
        var transposed = TransposedIn(model);
        var parameters = model.named_parameters().ToDictionary(entry => entry.name, entry => entry.parameter, StringComparer.Ordinal);
        RemoveTiedHead(directory, names, parameters, stored);
        CheckNames(directory, parameters, transposed, stored);
        foreach (var (name, parameter) in parameters)
        {
            if (!stored.ReadInto(name, parameter, transposed.Contains(name)))
            {
                throw NotFinite(directory, name);
            }

            if (parameter.dtype == ScalarType.Float16)
            {
                // The greatest number of this type is 65504: what the file has can be beyond it.
                CheckFinite(directory, name, parameter);
            }
        }
    }

    /// <summary>The parameters that files hold as [inputs, outputs].</summary>
    public static HashSet<string> TransposedIn(nn.Module model) => model.named_modules()
        .Where(entry => entry.module is Projection { StoredTransposed: true })
        .Select(entry => $"{entry.name}.weight")
        .ToHashSet(StringComparer.Ordinal);

    /// <summary>Refuses weights with which no number of the model would mean anything.</summary>
    public static void CheckFinite(string directory, string name, Tensor weight)
    {
        // Infinity and NaN survive a sum (∞ − ∞ is NaN), which reads each weight once and allocates nothing.
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        if (!double.IsFinite(weight.sum(ScalarType.Float64).item<double>()))
        {
            throw NotFinite(directory, name);
        }
    }

    private static CheckpointException NotFinite(string directory, string name) =>
        new($"{directory}: tensor {name} holds NaN or infinite weights");

    /// <summary>Some writers store a tied output matrix a second time; it must then really be the embedding.</summary>
    private static void RemoveTiedHead(string directory, ModuleNames names, Dictionary<string, Parameter> expected, StoredWeights stored)
    {
        var (headName, embeddingName) = ($"{names.Head}.weight", string.Join('.', [.. names.Body, names.TokenEmbedding, "weight"]));
        if (expected.ContainsKey(headName) || expected.ContainsKey("score.weight") || !stored.Contains(headName) || !stored.Contains(embeddingName))
        {
            return;
        }

        using var scope = NewDisposeScope();
        var head = stored.Read(headName, ScalarType.Float32);
        var embedding = stored.Read(embeddingName, ScalarType.Float32);
        if (!head.shape.SequenceEqual(embedding.shape) || !head.bytes.SequenceEqual(embedding.bytes))
        {
            throw new CheckpointException($"{directory}: tie_word_embeddings is true, but {headName} differs from {embeddingName}");
        }

        stored.Remove(headName);
    }

    private static void CheckNames(
        string directory, Dictionary<string, Parameter> expected, HashSet<string> transposed, StoredWeights stored)
    {
        var faults = new List<string>();
        if (expected.Keys.Where(name => !stored.Contains(name)).Order(StringComparer.Ordinal).ToArray() is { Length: > 0 } missing)
        {
            faults.Add($"missing tensors: {string.Join(", ", missing)}");
        }

        if (stored.Names.Where(name => !expected.ContainsKey(name)).Order(StringComparer.Ordinal).ToArray() is { Length: > 0 } unexpected)
        {
            faults.Add($"unexpected tensors: {string.Join(", ", unexpected)}");
        }

        foreach (var (name, parameter) in expected.Where(entry => stored.Contains(entry.Key)))
        {
            var found = stored.Shape(name);
            var needed = transposed.Contains(name) ? [.. parameter.shape.Reverse()] : parameter.shape;
            if (!found.SequenceEqual(needed))
            {
                faults.Add($"tensor {name} has shape [{string.Join(", ", found)}], the config needs [{string.Join(", ", needed)}]");
            }
        }

        if (faults.Count > 0)
        {
            throw new CheckpointException($"{directory}: {string.Join("; ", faults)}");
        }
    }
}
