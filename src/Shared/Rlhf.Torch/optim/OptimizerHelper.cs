using static TorchSharp.torch;

namespace TorchSharp.Modules;

/// <summary>What the optimizers share: groups, state per parameter, and the state dictionary.</summary>
public abstract class OptimizerHelper : optim.Optimizer
{
    private readonly Dictionary<Parameter, OptimizerState> states = new(ReferenceEqualityComparer.Instance);

    private protected OptimizerHelper()
    {
    }

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

    /// <summary>Writes options and states to a file in TorchSharp's own format.</summary>
    public void save_state_dict(string location)
    {
        using var writer = new BinaryWriter(File.Create(location));
        var dictionary = state_dict();
        writer.Write(GetType().Name);
        writer.Write7BitEncodedInt64(dictionary.Options.Count);
        writer.Write7BitEncodedInt64(dictionary.State.Count);
        dictionary.Options.ForEach(options => options.SaveStateDict(writer));
        dictionary.State.ForEach(state => state.SaveStateDict(writer));
    }

    /// <summary>Reads a file that <see cref="save_state_dict(string)"/> of the same optimizer with the same parameters wrote.</summary>
    /// <exception cref="InvalidDataException">It is of another optimizer.</exception>
    /// <exception cref="ArgumentException">The groups or parameters differ.</exception>
    /// <exception cref="EndOfStreamException">The file ends too early.</exception>
    public void load_state_dict(string location)
    {
        using var reader = new BinaryReader(File.OpenRead(location));
        var stored = reader.ReadString();
        if (stored != GetType().Name)
        {
            throw new InvalidDataException($"{location} is the state of another optimizer: {stored}, not {GetType().Name}.");
        }

        var dictionary = state_dict();
        CheckCounts(dictionary, reader.Read7BitEncodedInt64(), reader.Read7BitEncodedInt64());
        dictionary.Options.ForEach(options => options.LoadStateDict(reader));
        dictionary.State.ForEach(state => state.LoadStateDict(reader));
    }

    /// <summary>Copies options and states from another optimizer's dictionary with the same groups and parameters.</summary>
    public virtual void load_state_dict(StateDictionary state_dict)
    {
        var own = this.state_dict();
        CheckCounts(own, state_dict.Options.Count, state_dict.State.Count);
        for (var i = 0; i < own.Options.Count; i++)
        {
            own.Options[i].LoadStateDict(state_dict.Options[i]);
        }

        for (var i = 0; i < own.State.Count; i++)
        {
            own.State[i].LoadStateDict(state_dict.State[i]);
        }
    }

    private static void CheckCounts(StateDictionary own, long groups, long states)
    {
        if (groups != own.Options.Count)
        {
            throw new ArgumentException($"Invalid optimizer state -- different number of parameter groups: {groups}, not {own.Options.Count}.");
        }

        if (states != own.State.Count)
        {
            throw new ArgumentException($"Invalid optimizer state -- different number of states: {states}, not {own.State.Count}.");
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
