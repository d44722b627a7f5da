using System.CommandLine;
using Rlhf.Modeling.Adapters;
using Rlhf.Modeling.Heads;
using Rlhf.Modeling.Transformer;
using Rlhf.Numerics;

namespace Rlhf.Cli;

/// <summary>The flags with which a training command trains a LoRA adapter instead of the whole model.</summary>
internal sealed class LoraOptions
{
    private const ulong AdapterStream = 1UL << 58;

    private readonly Option<int?> _rank = new("--lora-r") { Description = "Train a LoRA adapter of this rank; it is merged into the model that is written. Default: train the whole model." };
    private readonly Option<double?> _alpha = new("--lora-alpha") { Description = "LoRA's α; the update is scaled by α / r. Default: the rank." };
    private readonly Option<string[]> _targets = new("--lora-target-modules")
    {
        Description = "Which matrices get the adapter, for example q_proj v_proj; default: all-linear.",
        AllowMultipleArgumentsPerToken = true,
    };

    /// <summary>Adds the flags to a command.</summary>
    public void AddTo(Command command)
    {
        command.Options.Add(_rank);
        command.Options.Add(_alpha);
        command.Options.Add(_targets);
    }

    /// <summary>Writes the model with what the adapter has learned so far; the adapter stays as it was.</summary>
    /// <param name="adapter">The adapter; null: the model is written as it is.</param>
    /// <param name="save">Writes the model.</param>
    public static void SaveMerged(LoraAdapter? adapter, Action save)
    {
        adapter?.Merge();
        save();
        adapter?.Unmerge();
    }

    /// <summary>The adapter the flags ask for, attached to the model; null without --lora-r.</summary>
    public LoraAdapter? Attach(ParseResult parse, CausalLanguageModel model, ulong seed) =>
        Attach(parse, config => LoraAdapter.Attach(model, config, new Philox(seed, AdapterStream)));

    /// <summary>The same for a reward model.</summary>
    public LoraAdapter? Attach(ParseResult parse, ScalarHeadModel model, ulong seed) =>
        Attach(parse, config => LoraAdapter.Attach(model, config, new Philox(seed, AdapterStream)));

    private LoraAdapter? Attach(ParseResult parse, Func<LoraConfig, LoraAdapter> attach)
    {
        var targets = parse.GetValue(_targets) ?? [];
        if (parse.GetValue(_rank) is not { } rank)
        {
            return parse.GetValue(_alpha) is null && targets.Length == 0
                ? null
                : throw new UserException("--lora-alpha and --lora-target-modules need --lora-r.");
        }

        try
        {
            return attach(new LoraConfig { R = rank, LoraAlpha = parse.GetValue(_alpha) ?? rank, TargetModules = targets.Length == 0 ? [LoraConfig.AllLinear] : targets });
        }
        catch (ArgumentException exception)
        {
            throw new UserException(exception.Message);
        }
    }
}
