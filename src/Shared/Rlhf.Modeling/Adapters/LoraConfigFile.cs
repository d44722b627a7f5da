using System.Text;
using System.Text.Json.Nodes;
using Rlhf.Modeling.Checkpoints;
using Rlhf.Modeling.Transformer;

namespace Rlhf.Modeling.Adapters;

/// <summary>PEFT's adapter_config.json.</summary>
internal static class LoraConfigFile
{
    public const string Name = "adapter_config.json";

    /// <summary>Variants of LoRA that change the arithmetic, and are not implemented.</summary>
    private static readonly string[] MustBeEmpty =
    [
        "rank_pattern", "alpha_pattern", "layers_to_transform", "layers_pattern", "layer_replication", "exclude_modules", "target_parameters",
        "trainable_token_indices", "megatron_config",
    ];

    private static readonly string[] MustBeOff = ["use_dora", "lora_bias", "use_qalora"];

    /// <exception cref="CheckpointException">If the file is absent or has faults; all are listed.</exception>
    public static LoraConfig Read(string directory)
    {
        var path = Path.Combine(directory, Name);
        if (!File.Exists(path))
        {
            throw new CheckpointException($"{directory}: has no {Name}");
        }

        var faults = new List<string>();
        LoraConfig config;
        try
        {
            config = Parse(ConfigFields.Read(path, faults));
        }
        catch (InvalidDataException fault)
        {
            throw new CheckpointException(fault.Message, fault);
        }

        faults.AddRange(faults.Count == 0 ? config.Validate() : []);
        return faults.Count == 0 ? config : throw new CheckpointException($"{path}: {string.Join("; ", faults)}");
    }

    public static void Write(string directory, LoraConfig config, string taskType)
    {
        var json = new JsonObject
        {
            ["alpha_pattern"] = new JsonObject(),
            ["base_model_name_or_path"] = config.BaseModelNameOrPath,
            ["bias"] = "none",
            ["fan_in_fan_out"] = config.FanInFanOut,
            ["inference_mode"] = true,
            ["init_lora_weights"] = true,
            ["layers_pattern"] = null,
            ["layers_to_transform"] = null,
            ["lora_alpha"] = config.LoraAlpha == Math.Round(config.LoraAlpha) ? (long)config.LoraAlpha : config.LoraAlpha,
            ["lora_dropout"] = config.LoraDropout,
            ["modules_to_save"] = config.ModulesToSave is [] ? null : List(config.ModulesToSave),
            ["peft_type"] = "LORA",
            ["r"] = config.R,
            ["rank_pattern"] = new JsonObject(),
            ["target_modules"] = config.TargetModulesPattern is { } pattern ? pattern
                : config.TargetModules is [LoraConfig.AllLinear] ? LoraConfig.AllLinear : List(config.TargetModules),
            ["task_type"] = taskType,
            ["use_dora"] = false,
            ["use_rslora"] = config.UseRslora,
        };
        AtomicFile.Write(Path.Combine(directory, Name), Encoding.UTF8.GetBytes(json.ToJsonString(ConfigFields.Indented) + "\n"));

        static JsonArray List(string[] names) => [.. names.Select(name => (JsonNode)name)];
    }

    private static LoraConfig Parse(ConfigFields fields)
    {
        fields.OneOf("peft_type", "LORA", ["LORA"]);
        fields.OneOf("bias", "none", ["none"]);
        Array.ForEach(MustBeEmpty, fields.RequireEmpty);
        Array.ForEach(MustBeOff, name => fields.RequireFlag(name, false));
        var pattern = fields.TextOrList("target_modules", out var names);
        return new LoraConfig
        {
            R = fields.Integer("r") ?? 8,
            LoraAlpha = fields.Number("lora_alpha") ?? 8,
            LoraDropout = fields.Number("lora_dropout") ?? 0,
            TargetModules = pattern == LoraConfig.AllLinear ? [LoraConfig.AllLinear] : names ?? [],
            TargetModulesPattern = pattern == LoraConfig.AllLinear ? null : pattern,
            ModulesToSave = fields.Texts("modules_to_save") ?? [],
            UseRslora = fields.Flag("use_rslora") ?? false,
            FanInFanOut = fields.Flag("fan_in_fan_out") ?? false,
            BaseModelNameOrPath = fields.Text("base_model_name_or_path"),
        };
    }
}
