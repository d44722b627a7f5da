namespace Rlhf.Modeling.Adapters;

/// <summary>
/// What a low-rank adapter (Hu et al. 2021, "LoRA") looks like: the fields of PEFT's adapter_config.json (names in brackets). Biases
/// are never trained (<c>bias</c> is <c>none</c>).
/// </summary>
public sealed record LoraConfig
{
    /// <summary>As the only target: every projection of the blocks.</summary>
    public const string AllLinear = "all-linear";

    /// <summary>The rank of the update (<c>r</c>).</summary>
    public int R { get; init; } = 8;

    /// <summary>The update is multiplied by this over r, or over √r (<c>lora_alpha</c>).</summary>
    public double LoraAlpha { get; init; } = 8;

    /// <summary>
    /// Kept for other readers and not applied; a new adapter must have 0 (<c>lora_dropout</c>).
    /// </summary>
    public double LoraDropout { get; init; }

    /// <summary>
    /// Names of projections, each whole or its last parts: <c>q_proj</c>, or <c>mlp.up_proj</c>; or only <see cref="AllLinear"/>
    /// (<c>target_modules</c> as a list).
    /// </summary>
    public string[] TargetModules { get; init; } = [];

    /// <summary>
    /// Instead of <see cref="TargetModules"/>: a regular expression that the whole name of a projection matches (<c>target_modules</c>
    /// as a string).
    /// </summary>
    public string? TargetModulesPattern { get; init; }

    /// <summary>Projections that are trained whole: <c>score</c> always is in models with a scalar head (<c>modules_to_save</c>).</summary>
    public string[] ModulesToSave { get; init; } = [];

    /// <summary>The scaling is lora_alpha / √r, which keeps large ranks stable (Kalajdzievski 2023; <c>use_rslora</c>).</summary>
    public bool UseRslora { get; init; }

    /// <summary>
    /// Whether files of the model hold matrices as [inputs, outputs]: true for GPT-2. Attaching sets it to what the model needs, as PEFT
    /// does (<c>fan_in_fan_out</c>).
    /// </summary>
    public bool FanInFanOut { get; init; }

    /// <summary>Where the model came from, for other readers (<c>base_model_name_or_path</c>).</summary>
    public string? BaseModelNameOrPath { get; init; }

    /// <summary>What the update is multiplied by.</summary>
    public double Scaling => LoraAlpha / (UseRslora ? Math.Sqrt(R) : R);

    /// <summary>Checks every field.</summary>
    /// <returns>All faults, each naming the field, its value and the legal values; empty if there are none.</returns>
    public IReadOnlyList<string> Validate()
    {
        var faults = new List<string>();
        if (R < 1)
        {
            faults.Add($"r ({R}) must be at least 1");
        }

        if (!(LoraAlpha > 0 && double.IsFinite(LoraAlpha)))
        {
            faults.Add($"lora_alpha ({LoraAlpha}) must be positive");
        }

        if (!(LoraDropout is >= 0 and < 1))
        {
            faults.Add($"lora_dropout ({LoraDropout}) must lie in 0 … 1");
        }

        if ((TargetModules.Length > 0) == (TargetModulesPattern is not null))
        {
            faults.Add("target_modules must be a list of names or a regular expression");
        }

        return faults;
    }
}
