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
        Save(model, model.Config, model.Config.ToJsonObject(model.Config.Family.CausalArchitecture), tokenizer, dir, dtype);
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
        var config = model.Config.ToJsonObject(model.Config.Family.ClassificationArchitecture);
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
        TransformerConfig config;
        try
        {
            config = TransformerConfig.Load(configPath);
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
            WeightsReader.Read(model, config, dir);
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    private static void Save(nn.Module model, TransformerConfig config, JsonObject configJson, Tokenizer tokenizer, string dir, ScalarType dtype)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        if (dtype is not (ScalarType.Float32 or ScalarType.Float16 or ScalarType.BFloat16))
        {
            throw new ArgumentException($"weights are stored as Float32, Float16 or BFloat16, not {dtype}", nameof(dtype));
        }

        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var transposed = WeightsReader.TransposedIn(model);
        var weights = model.named_parameters().ToDictionary(
            entry => entry.name,
            entry => transposed.Contains(entry.name) ? entry.parameter.transpose(0, 1) : entry.parameter,
            StringComparer.Ordinal);
        foreach (var (name, weight) in weights)
        {
            WeightsReader.CheckFinite(dir, name, weight);
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
                Path.Combine(temporary, StoredWeights.WeightsFile), weights, new Dictionary<string, string> { ["format"] = "pt" }, dtype);
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
