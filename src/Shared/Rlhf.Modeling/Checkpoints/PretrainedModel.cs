using System.Text;
using System.Text.Json.Nodes;
using Rlhf.Modeling.Heads;
using Rlhf.Modeling.Tokenization;
using Rlhf.Modeling.Transformer;
using TorchSharp;
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
    private const string ScoreBiasField = "score_bias";

    /// <summary>That of transformers.</summary>
    private const long DefaultMaxShardSize = 5_000_000_000;

    private static readonly Dictionary<ScalarType, string> TypeNames = new()
    {
        [ScalarType.Float32] = "float32",
        [ScalarType.Float16] = "float16",
        [ScalarType.BFloat16] = "bfloat16",
    };

    /// <summary>Loads a language model.</summary>
    /// <param name="dir">A model directory.</param>
    /// <param name="dtype">The type of the weights in memory, whatever the files have: Float32, Float16 or BFloat16.</param>
    /// <exception cref="CheckpointException">
    /// If files are absent or damaged, tensors are missing, unexpected or of another shape, or weights are not finite.
    /// </exception>
    public static CausalLanguageModel LoadCausal(string dir, ScalarType dtype = ScalarType.Float32) =>
        Load(dir, dtype, (config, _) => new CausalLanguageModel(config, dtype));

    /// <summary>Loads a reward model or critic.</summary>
    /// <param name="dir">A directory with <c>score.weight</c> among its tensors.</param>
    /// <param name="dtype">As with <see cref="LoadCausal"/>.</param>
    /// <exception cref="CheckpointException">As with <see cref="LoadCausal"/>.</exception>
    public static ScalarHeadModel LoadScalar(string dir, ScalarType dtype = ScalarType.Float32) =>
        Load(dir, dtype, (config, fields) => new ScalarHeadModel(config, dtype) { ScoreBias = fields.Number(ScoreBiasField) ?? 0 });

    /// <summary>Saves a language model. The directory is written beside its place and renamed, so it appears whole or not at all.</summary>
    /// <param name="model">The model; stays untouched.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="dir">The directory to create or replace.</param>
    /// <param name="dtype">The type weights are stored in: Float32, Float16 or BFloat16; null: the model's own.</param>
    /// <param name="maxShardSize">Bytes of weights in one file, after which another begins (<c>max_shard_size</c>).</param>
    /// <exception cref="CheckpointException">If a weight is not finite; an existing directory stays as it is.</exception>
    public static void Save(
        CausalLanguageModel model, Tokenizer tokenizer, string dir, ScalarType? dtype = null, long maxShardSize = DefaultMaxShardSize)
    {
        ArgumentNullException.ThrowIfNull(model);
        Save(model, model.Config, model.Config.ToJsonObject(model.Config.Family.CausalArchitecture), tokenizer, dir, dtype, maxShardSize);
    }

    /// <summary>Saves a reward model or critic, its score bias in config.json; otherwise as for a language model.</summary>
    /// <param name="model">The model; stays untouched.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="dir">The directory to create or replace.</param>
    /// <param name="dtype">The type weights are stored in: Float32, Float16 or BFloat16; null: the model's own.</param>
    /// <param name="maxShardSize">Bytes of weights in one file, after which another begins (<c>max_shard_size</c>).</param>
    /// <exception cref="CheckpointException">If a weight is not finite; an existing directory stays as it is.</exception>
    public static void Save(
        ScalarHeadModel model, Tokenizer tokenizer, string dir, ScalarType? dtype = null, long maxShardSize = DefaultMaxShardSize)
    {
        ArgumentNullException.ThrowIfNull(model);
        var config = model.Config.ToJsonObject(model.Config.Family.ClassificationArchitecture);
        config["id2label"] = new JsonObject { ["0"] = "LABEL_0" };
        config["label2id"] = new JsonObject { ["LABEL_0"] = 0 };
        config[ScoreBiasField] = model.ScoreBias;
        Save(model, model.Config, config, tokenizer, dir, dtype, maxShardSize);
    }

    private static TModel Load<TModel>(string dir, ScalarType dtype, Func<TransformerConfig, ConfigFields, TModel> create)
        where TModel : nn.Module
    {
        CheckType(dtype);
        var configPath = Path.Combine(dir, ConfigFile);
        if (!File.Exists(configPath))
        {
            throw new CheckpointException($"{dir}: has no {ConfigFile}");
        }

        TransformerConfig config;
        ConfigFields fields;
        var faults = new List<string>();
        try
        {
            config = TransformerConfig.Load(configPath);
            fields = ConfigFields.Read(configPath, faults);
        }
        catch (InvalidDataException fault)
        {
            throw new CheckpointException(fault.Message, fault);
        }

        using var stored = StoredWeights.Open(dir, config);
        var model = create(config, fields);
        try
        {
            if (faults.Count > 0)
            {
                throw new CheckpointException($"{configPath}: {string.Join("; ", faults)}");
            }

            WeightsReader.Read(model, config.Architecture.Names, stored, dir);
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    private static void CheckType(ScalarType dtype)
    {
        if (!TypeNames.ContainsKey(dtype))
        {
            throw new ArgumentException($"weights are {string.Join(", ", TypeNames.Keys)}, not {dtype}", nameof(dtype));
        }
    }

    private static void Save(
        nn.Module model, TransformerConfig config, JsonObject configJson, Tokenizer tokenizer, string dir, ScalarType? dtype, long maxShardSize)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxShardSize);
        CheckType(dtype ?? ScalarType.Float32);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var weights = WeightsWriter.TensorsOf(model);
        foreach (var (name, weight) in weights)
        {
            WeightsReader.CheckFinite(dir, name, weight);
        }

        AtomicDirectory.Write(dir, temporary =>
        {
            configJson["torch_dtype"] = TypeNames[dtype ?? weights[0].Weight.dtype];
            WriteJson(Path.Combine(temporary, ConfigFile), configJson);
            WriteJson(Path.Combine(temporary, GenerationConfigFile), new JsonObject
            {
                ["bos_token_id"] = config.BosTokenId,
                ["eos_token_id"] = config.EosJson(),
                ["pad_token_id"] = config.PadTokenId,
            });
            WeightsWriter.Write(temporary, weights, dtype, maxShardSize);
            tokenizer.Save(temporary);
        });
    }

    private static void WriteJson(string path, JsonObject json) =>
        AtomicFile.Write(path, Encoding.UTF8.GetBytes(json.ToJsonString(ConfigFields.Indented) + "\n"));
}
