using static TorchSharp.torch;

namespace TorchSharp.Modules;

/// <summary>What the optimizers share: groups, state per parameter, and the state dictionary.</summary>
public abstract class OptimizerHelper : optim.Optimizer
{
    private readonly Dictionary<Parameter, OptimizerState> states = new(ReferenceEqualityComparer.Instance);

    /// <summary>The options of all groups and the state of all parameters. It shares memory with the optimizer.</summary>
    public virtual StateDictionary state_dict()
    {
        var dictionary = new StateDictionary();
        foreach (var group in groups)
        {
            dictionary.Options.Add(group.Options);
            List<int> indices = [];
            foreach (var parameter in group.Parameters)
            {
                indices.Add(dictionary.State.Count);
                dictionary.State.Add(states[parameter]);
            }

            dictionary.StateIndexRef.Add(indices);
        }

        return dictionary;
    }

    /// <summary>Copies options and states from another optimizer's dictionary with the same groups and parameters.</summary>
    public virtual void load_state_dict(StateDictionary state_dict)
    {
        var own = this.state_dict();
        if (state_dict.Options.Count != own.Options.Count)
        {
            throw new ArgumentException(
                $"Invalid optimizer state -- different number of parameter groups: {state_dict.Options.Count}, not {own.Options.Count}.");
        }

        if (state_dict.State.Count != own.State.Count)
        {
            throw new ArgumentException($"Invalid optimizer state -- different number of states: {state_dict.State.Count}, not {own.State.Count}.");
        }

        for (var i = 0; i < own.Options.Count; i++)
        {
            own.Options[i].LoadStateDict(state_dict.Options[i]);
        }

        for (var i = 0; i < own.State.Count; i++)
        {
            own.State[i].LoadStateDict(state_dict.State[i]);
        }
    }

    /// <summary>Adds a group whose unset options become the optimizer's own.</summary>
    private protected void AddGroup(ParamGroup group, OptimizerOptions options, Func<Parameter, OptimizerState> createState)
    {
        options.InitialLearningRate = options.LearningRate!.Value;
        group.Options = options;
        group.Parameters = [.. group.Parameters];
        groups.Add(group);
        foreach (var parameter in group.Parameters)
        {
            if (!states.TryAdd(parameter, createState(parameter)))
            {
                throw new ArgumentException("A parameter is in the optimizer twice.");
            }
        }
    }

    private protected T StateOf<T>(Parameter parameter)
        where T : OptimizerState => (T)states[parameter];

    private protected Tensor? Step(Action<ParamGroup> update, Func<Tensor>? closure)
    {
        Tensor? loss = null;
        if (closure is not null)
        {
            using var gradients = enable_grad();
            loss = closure();
        }

        using var guard = no_grad();
        foreach (var group in groups)
        {
            using var scope = NewDisposeScope();
            update(group);
        }

        return loss;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            foreach (var state in states.Values)
            {
                (state as IDisposable)?.Dispose();
            }
        }

        base.Dispose(disposing);
    }
}
