using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Rlhf.Modeling.Heads;
using Rlhf.Modeling.Tokenization;
using Rlhf.Modeling.Transformer;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Checkpoints;

/// <summary>
/// Model directories as Hugging Face writes them: config.json, generation_config.json, model.safetensors (or its shards with
/// model.safetensors.index.json), tokenizer.json, tokenizer_config.json.
/// </summary>
public static class PretrainedModel
{
    private const string ConfigFile = "config.json";
    private const string GenerationConfigFile = "generation_config.json";
    private const string WeightsFile = "model.safetensors";
    private const string IndexFile = "model.safetensors.index.json";
    private const string HeadName = "lm_head.weight";
    private const string EmbeddingName = "model.embed_tokens.weight";
    private const string ScoreBiasField = "score_bias";

    /// <summary>Loads a language model in single precision.</summary>
    /// <param name="dir">A model directory.</param>
    /// <exception cref="CheckpointException">
    /// If files are absent or damaged, tensors are missing, unexpected or of another shape, or weights are not finite.
    /// </exception>
    public static CausalLanguageModel LoadCausal(string dir) => Load(dir, (config, _) => new CausalLanguageModel(config));

    /// <summary>Loads a reward model or critic in single precision.</summary>
    /// <param name="dir">A directory with <c>score.weight</c> among its tensors.</param>
    /// <exception cref="CheckpointException">As with <see cref="LoadCausal"/>.</exception>
    public static ScalarHeadModel LoadScalar(string dir) => Load(dir, (config, fields) => new ScalarHeadModel(config)
    {
        ScoreBias = fields.Number(ScoreBiasField) ?? 0,
    });

    /// <summary>Saves a language model. The directory is written beside its place and renamed, so it appears whole or not at all.</summary>
    /// <param name="model">The model; stays untouched.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="dir">The directory to create or replace.</param>
    /// <param name="dtype">The type weights are stored in.</param>
    /// <exception cref="CheckpointException">If a weight is not finite; an existing directory stays as it is.</exception>
    public static void Save(CausalLanguageModel model, Tokenizer tokenizer, string dir, ScalarType dtype = ScalarType.Float32)
    {
        ArgumentNullException.ThrowIfNull(model);
        Save(model, model.Config, model.Config.ToJsonObject("LlamaForCausalLM"), tokenizer, dir, dtype);
    }

    /// <summary>Saves a reward model or critic, its score bias in config.json; otherwise as for a language model.</summary>
    /// <param name="model">The model; stays untouched.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="dir">The directory to create or replace.</param>
    /// <param name="dtype">The type weights are stored in.</param>
    /// <exception cref="CheckpointException">If a weight is not finite; an existing directory stays as it is.</exception>
    public static void Save(ScalarHeadModel model, Tokenizer tokenizer, string dir, ScalarType dtype = ScalarType.Float32)
    {
        ArgumentNullException.ThrowIfNull(model);
        var config = model.Config.ToJsonObject("LlamaForSequenceClassification");
        config["id2label"] = new JsonObject { ["0"] = "LABEL_0" };
        config["label2id"] = new JsonObject { ["LABEL_0"] = 0 };
        config[ScoreBiasField] = model.ScoreBias;
        Save(model, model.Config, config, tokenizer, dir, dtype);
    }

    private static TModel Load<TModel>(string dir, Func<TransformerConfig, ConfigFields, TModel> create)
        where TModel : nn.Module
    {
        var configPath = Path.Combine(dir, ConfigFile);
        if (!File.Exists(configPath))
        {
            throw new CheckpointException($"{dir}: has no {ConfigFile}");
        }

        TModel model;
        try
        {
            var config = TransformerConfig.Load(configPath);
            var faults = new List<string>();
            model = create(config, ConfigFields.Read(configPath, faults));
            if (faults.Count > 0)
            {
                throw new InvalidDataException($"{configPath}: {string.Join("; ", faults)}");
            }
        }
        catch (InvalidDataException fault)
        {
            throw new CheckpointException(fault.Message, fault);
        }

        try
        {
            LoadWeights(model, dir);
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    private static void LoadWeights(nn.Module model, string dir)
    {
        var files = new List<SafeTensorsFile>();
        try
        {
            var stored = OpenWeights(dir, files);
            var parameters = model.named_parameters().ToDictionary(entry => entry.name, entry => entry.parameter, StringComparer.Ordinal);
            CheckNames(dir, parameters, stored);
            foreach (var (name, parameter) in parameters)
            {
                stored[name].ReadInto(name, parameter);
                CheckFinite(dir, name, parameter);
            }
        }
        finally
        {
            files.ForEach(file => file.Dispose());
        }
    }

    private static Dictionary<string, SafeTensorsFile> OpenWeights(string dir, List<SafeTensorsFile> files)
    {
        var stored = new Dictionary<string, SafeTensorsFile>(StringComparer.Ordinal);
        foreach (var fileName in WeightFiles(dir))
        {
            var path = Path.Combine(dir, fileName);
            if (!File.Exists(path))
            {
                throw new CheckpointException($"{dir}: has no {fileName}");
            }

            var file = SafeTensorsFile.Open(path);
            files.Add(file);

            // Old Llama checkpoints store the rotary frequencies, which follow from the config.
            foreach (var name in file.Names.Where(name => !name.EndsWith(".rotary_emb.inv_freq", StringComparison.Ordinal)))
            {
                if (!stored.TryAdd(name, file))
                {
                    throw new CheckpointException($"{dir}: tensor \"{name}\" is in two files");
                }
            }
        }

        return stored;
    }

    private static string[] WeightFiles(string dir)
    {
        var indexPath = Path.Combine(dir, IndexFile);
        if (File.Exists(Path.Combine(dir, WeightsFile)) || !File.Exists(indexPath))
        {
            return [WeightsFile];
        }

        try
        {
            using var index = JsonDocument.Parse(File.ReadAllBytes(indexPath));
            var names = index.RootElement.GetProperty("weight_map").EnumerateObject().Select(entry => entry.Value.GetString()!).Distinct();
            return [.. names.Select(name => Path.GetFileName(name) == name
                ? name
                : throw new CheckpointException($"{indexPath}: \"{name}\" must be a file name without a folder"))];
        }
        catch (Exception fault) when (fault is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new CheckpointException($"{indexPath}: must hold weight_map, an object of tensor name: file name", fault);
        }
    }

    private static void CheckNames(string dir, Dictionary<string, Parameter> expected, Dictionary<string, SafeTensorsFile> stored)
    {
        // Some writers store a tied output matrix a second time; it must then really be the embedding.
        if (!expected.ContainsKey(HeadName) && expected.ContainsKey(EmbeddingName) && !expected.ContainsKey("score.weight")
            && stored.TryGetValue(HeadName, out var headFile) && stored.TryGetValue(EmbeddingName, out var embeddingFile))
        {
            CheckTied(dir, headFile, embeddingFile);
            stored.Remove(HeadName);
        }

        var faults = new List<string>();
        if (expected.Keys.Where(name => !stored.ContainsKey(name)).Order(StringComparer.Ordinal).ToArray() is { Length: > 0 } missing)
        {
            faults.Add($"missing tensors: {string.Join(", ", missing)}");
        }

        if (stored.Keys.Where(name => !expected.ContainsKey(name)).Order(StringComparer.Ordinal).ToArray() is { Length: > 0 } unexpected)
        {
            faults.Add($"unexpected tensors: {string.Join(", ", unexpected)}");
        }

        foreach (var (name, parameter) in expected.Where(entry => stored.ContainsKey(entry.Key)))
        {
            var (_, shape) = stored[name].Describe(name);
            if (!shape.SequenceEqual(parameter.shape))
            {
                faults.Add($"tensor {name} has shape [{string.Join(", ", shape)}], the config needs [{string.Join(", ", parameter.shape)}]");
            }
        }

        if (faults.Count > 0)
        {
            throw new CheckpointException($"{dir}: {string.Join("; ", faults)}");
        }
    }

    private static void CheckTied(string dir, SafeTensorsFile headFile, SafeTensorsFile embeddingFile)
    {
        using var scope = NewDisposeScope();
        var head = headFile.Read(HeadName, ScalarType.Float32);
        var embedding = embeddingFile.Read(EmbeddingName, ScalarType.Float32);
        if (!head.shape.SequenceEqual(embedding.shape) || !head.bytes.SequenceEqual(embedding.bytes))
        {
            throw new CheckpointException($"{dir}: tie_word_embeddings is true, but {HeadName} differs from {EmbeddingName}");
        }
    }

    private static void CheckFinite(string dir, string name, Tensor weight)
    {
        // Infinity and NaN survive a sum (∞ − ∞ is NaN), which reads each weight once and allocates nothing.
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        if (!double.IsFinite(weight.to_type(ScalarType.Float32).sum().item<float>()))
        {
            throw new CheckpointException($"{dir}: tensor {name} holds NaN or infinite weights");
        }
    }

    private static void Save(nn.Module model, TransformerConfig config, JsonObject configJson, Tokenizer tokenizer, string dir, ScalarType dtype)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        if (dtype is not (ScalarType.Float32 or ScalarType.Float16 or ScalarType.BFloat16))
        {
            throw new ArgumentException($"weights are stored as Float32, Float16 or BFloat16, not {dtype}", nameof(dtype));
        }

        var weights = model.named_parameters().ToDictionary(entry => entry.name, entry => (Tensor)entry.parameter, StringComparer.Ordinal);
        foreach (var (name, weight) in weights)
        {
            CheckFinite(dir, name, weight);
        }

        var target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(dir));
        var temporary = AtomicFile.TemporaryBeside(target);
        Directory.CreateDirectory(temporary);
        try
        {
            configJson["torch_dtype"] = dtype switch
            {
                ScalarType.Float16 => "float16",
                ScalarType.BFloat16 => "bfloat16",
                _ => "float32",
            };
            WriteJson(Path.Combine(temporary, ConfigFile), configJson);
            WriteJson(Path.Combine(temporary, GenerationConfigFile), new JsonObject
            {
                ["bos_token_id"] = config.BosTokenId,
                ["eos_token_id"] = config.EosJson(),
                ["pad_token_id"] = config.PadTokenId,
            });

            // "format" is what transformers looks for before it reads the tensors.
            SafeTensorsWriter.Write(
                Path.Combine(temporary, WeightsFile), weights, new Dictionary<string, string> { ["format"] = "pt" }, dtype);
            tokenizer.Save(temporary);
            Replace(temporary, target);
        }
        finally
        {
            if (Directory.Exists(temporary))
            {
                Directory.Delete(temporary, recursive: true);
            }
        }
    }

    private static void WriteJson(string path, JsonObject json) =>
        AtomicFile.Write(path, Encoding.UTF8.GetBytes(json.ToJsonString(ConfigFields.Indented) + "\n"));

    /// <summary>Directories cannot be renamed over one another: the old one steps aside first, and back if the new one cannot take its place.</summary>
    private static void Replace(string temporary, string target)
    {
        if (!Directory.Exists(target))
        {
            Directory.Move(temporary, target);
            return;
        }

        var aside = AtomicFile.TemporaryBeside(target);
        Directory.Move(target, aside);
        try
        {
            Directory.Move(temporary, target);
        }
        catch
        {
            Directory.Move(aside, target);
            throw;
        }

        Directory.Delete(aside, recursive: true);
    }
}
