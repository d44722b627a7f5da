using Rlhf.Modeling.Heads;
using Rlhf.Modeling.Transformer;
using Rlhf.Numerics;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Adapters;

/// <summary>
/// A low-rank adapter (Hu et al. 2021, "LoRA") on a model: the model's weights are frozen, and small matrices A and B beside its
/// projections are trained. With the adapter disabled the model is what it was, bit for bit – the reference of a policy that it
/// trains. Directories are PEFT's.
/// </summary>
/// <remarks>The model owns A and B: they are among its <c>named_parameters</c> and are disposed with it, unless <see cref="Detach"/> removes them.</remarks>
public sealed partial class LoraAdapter
{
    private readonly nn.Module _model;
    private readonly string _taskType;
    private readonly List<Parameter> _frozen = [];
    private readonly List<(string Name, Projection Projection)> _targets;
    private readonly List<(string Name, Projection Projection)> _saved;
    private int _disabled;

    private LoraAdapter(nn.Module model, LoraConfig config, string taskType)
    {
        _model = model;
        _taskType = taskType;
        var projections = model.named_modules()
            .Where(entry => entry.module is Projection).Select(entry => (entry.name, (Projection)entry.module)).ToList();
        if (projections.Any(entry => entry.Item2.Lora is not null))
        {
            throw new InvalidOperationException("the model has an adapter: detach it before attaching another");
        }

        _targets = LoraTargets.Select(projections, config);
        _saved = LoraTargets.SelectSaved(projections, config);
        if (_targets.Intersect(_saved).FirstOrDefault() is (not null, _) and var (both, _))
        {
            throw new ArgumentException($"{both} is in target_modules and in modules_to_save");
        }

        Config = config with { FanInFanOut = _targets[0].Projection.StoredTransposed };
        Freeze();
        foreach (var (_, projection) in _targets)
        {
            projection.SetLora(new LoraLayer(projection, config.R, config.Scaling));
        }

        foreach (var (_, projection) in _saved)
        {
            projection.KeepOriginal();
            projection.weight.requires_grad_(true);
            projection.bias?.requires_grad_(true);
        }
    }

    /// <summary>The adapter's shape.</summary>
    public LoraConfig Config { get; }

    /// <summary>Whether the update is in the weights of the model.</summary>
    public bool Merged { get; private set; }

    /// <summary>A new adapter on a language model; it changes nothing until it is trained.</summary>
    /// <param name="model">The model; its weights are frozen until <see cref="Detach"/>.</param>
    /// <param name="config">The adapter's shape.</param>
    /// <param name="random">Source of the numbers in A.</param>
    /// <exception cref="ArgumentException">If the config is illegal or names what the model does not have; all faults are listed.</exception>
    /// <exception cref="InvalidOperationException">If the model has an adapter.</exception>
    public static LoraAdapter Attach(CausalLanguageModel model, LoraConfig config, Philox random) => Attach(model, config, CausalTask, random);

    /// <summary>A new adapter on a reward model or critic, whose head is trained whole; otherwise as on a language model.</summary>
    /// <param name="model">The model; its weights are frozen until <see cref="Detach"/>.</param>
    /// <param name="config">The adapter's shape.</param>
    /// <param name="random">Source of the numbers in A.</param>
    /// <exception cref="ArgumentException">If the config is illegal or names what the model does not have; all faults are listed.</exception>
    /// <exception cref="InvalidOperationException">If the model has an adapter.</exception>
    public static LoraAdapter Attach(ScalarHeadModel model, LoraConfig config, Philox random) =>
        Attach(model, WithScore(config), ScalarTask, random);

    /// <summary>What is trained: A and B of every target, and projections that are trained whole, with their names in the model.</summary>
    public IEnumerable<(string Name, Parameter Parameter)> NamedParameters()
    {
        foreach (var (name, projection) in _targets)
        {
            yield return ($"{name}.lora_A.weight", projection.Lora!.A.weight);
            yield return ($"{name}.lora_B.weight", projection.Lora!.B.weight);
        }

        foreach (var (name, projection) in _saved)
        {
            yield return ($"{name}.weight", projection.weight);
            if (projection.bias is { } bias)
            {
                yield return ($"{name}.bias", bias);
            }
        }
    }

    /// <summary>The model as it was before the adapter, until the result is disposed: no second model is needed as reference.</summary>
    public IDisposable Disable()
    {
        SetDisabled(_disabled + 1);
        return new Scope(() => SetDisabled(_disabled - 1));
    }

    /// <summary>Adds the update to the model's weights, so that it costs nothing: for sampling, or to save the model whole.</summary>
    /// <exception cref="InvalidOperationException">If it is merged or disabled.</exception>
    public void Merge()
    {
        if (Merged || _disabled > 0)
        {
            throw new InvalidOperationException($"the adapter is {(Merged ? "merged" : "disabled")}");
        }

        using var noGrad = no_grad();
        foreach (var (_, projection) in _targets)
        {
            using var scope = NewDisposeScope();
            projection.KeepOriginal();
            projection.weight.copy_(projection.EffectiveWeight());
            projection.Lora!.Merged = true;
        }

        Merged = true;
    }

    /// <summary>Brings back the weights from before <see cref="Merge"/>, bit for bit: they were kept.</summary>
    /// <exception cref="InvalidOperationException">If it is not merged.</exception>
    public void Unmerge()
    {
        if (!Merged)
        {
            throw new InvalidOperationException("the adapter is not merged");
        }

        foreach (var (_, projection) in _targets)
        {
            projection.DropOriginal(restore: true);
            projection.Lora!.Merged = false;
        }

        Merged = false;
    }

    /// <summary>Takes the adapter off: the model is as it was before, and its weights can be trained again.</summary>
    /// <remarks>To keep what was learned in the model's weights, <see cref="MergeAndDetach"/>.</remarks>
    public void Detach() => Remove(restore: true);

    /// <summary>Takes the adapter off and leaves what it learned in the model's weights (PEFT's merge_and_unload).</summary>
    /// <exception cref="InvalidOperationException">If it is disabled.</exception>
    public void MergeAndDetach()
    {
        if (!Merged)
        {
            Merge();
        }

        Remove(restore: false);
    }

    private static LoraAdapter Attach(nn.Module model, LoraConfig config, string taskType, Philox random)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(random);
        List<string> faults = [.. config.Validate()];
        if (config.LoraDropout != 0)
        {
            faults.Add($"lora_dropout ({config.LoraDropout}) must be 0: it is not applied");
        }

        if (faults.Count > 0)
        {
            throw new ArgumentException($"illegal LoRA config: {string.Join("; ", faults)}", nameof(config));
        }

        var adapter = new LoraAdapter(model, config, taskType);
        foreach (var (_, projection) in adapter._targets)
        {
            projection.Lora!.Initialize(random);
        }

        return adapter;
    }

    private static LoraConfig WithScore(LoraConfig config) =>
        config.ModulesToSave.Contains(Score) ? config : config with { ModulesToSave = [.. config.ModulesToSave, Score] };

    private void Freeze()
    {
        foreach (var parameter in _model.parameters().Where(parameter => parameter.requires_grad))
        {
            _frozen.Add(parameter);
            parameter.requires_grad_(false);
        }
    }

    private void SetDisabled(int depth)
    {
        _disabled = depth;
        foreach (var (_, projection) in _targets.Concat(_saved))
        {
            projection.AdapterDisabled = depth > 0;
        }
    }

    private void Remove(bool restore)
    {
        SetDisabled(0);
        foreach (var (_, projection) in _targets.Concat(_saved))
        {
            projection.DropOriginal(restore);
            projection.SetLora(null);
        }

        _targets.Clear();
        _saved.Clear();
        _frozen.ForEach(parameter => parameter.requires_grad_(true));
        _frozen.Clear();
        Merged = false;
    }

    private sealed class Scope(Action end) : IDisposable
    {
        private Action? _end = end;

        public void Dispose()
        {
            _end?.Invoke();
            _end = null;
        }
    }
}
