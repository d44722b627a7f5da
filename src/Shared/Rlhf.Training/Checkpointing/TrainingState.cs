using Rlhf.Numerics;
using Rlhf.Training.Metrics;
using Rlhf.Training.Optimization;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Rlhf.Training.Checkpointing;

/// <summary>
/// Everything a run needs to continue as if it had never stopped: weights, moments, counters, positions of its random sequences,
/// and the metrics so far. Trainers fill it by name and read it back by the same names.
/// </summary>
public sealed class TrainingState : IDisposable
{
    private readonly Dictionary<string, Tensor> _tensors = new(StringComparer.Ordinal);
    private readonly bool _ownsTensors;

    /// <summary>An empty state to be filled and saved; tensors put in stay the caller's.</summary>
    /// <param name="step">How many steps are done.</param>
    /// <param name="configuration">The run's hyperparameters as JSON; a state resumes only under the same.</param>
    public TrainingState(int step, string configuration)
        : this(step, configuration, ownsTensors: false)
    {
    }

    internal TrainingState(int step, string configuration, bool ownsTensors)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        Step = step;
        Configuration = configuration;
        _ownsTensors = ownsTensors;
    }

    /// <summary>How many steps are done.</summary>
    public int Step { get; }

    /// <summary>The run's hyperparameters as JSON.</summary>
    public string Configuration { get; }

    /// <summary>The tensors by name.</summary>
    public IReadOnlyDictionary<string, Tensor> Tensors => _tensors;

    /// <summary>Whole numbers by name: cursors, optimizer steps, positions of random sequences.</summary>
    public IDictionary<string, ulong> Counters { get; } = new Dictionary<string, ulong>(StringComparer.Ordinal);

    /// <summary>Real numbers by name: an adaptive coefficient, a running sum.</summary>
    public IDictionary<string, double> Numbers { get; } = new Dictionary<string, double>(StringComparer.Ordinal);

    /// <summary>The metrics reported so far, without wall-clock ones.</summary>
    public IList<TrainingProgress> History { get; } = [];

    /// <summary>Adds a tensor under a name.</summary>
    public void Add(string name, Tensor tensor) => _tensors.Add(name, tensor);

    /// <summary>Adds all parameters of a module under <c>PREFIX.NAME</c>.</summary>
    public void Add(string prefix, nn.Module module) => Add(prefix, module.named_parameters());

    /// <summary>Adds parameters under <c>PREFIX.NAME</c>.</summary>
    public void Add(string prefix, IEnumerable<(string name, Parameter parameter)> parameters)
    {
        foreach (var (name, parameter) in parameters)
        {
            Add($"{prefix}.{name}", parameter);
        }
    }

    /// <summary>Adds the moments of an optimizer under <c>PREFIX.…</c> and its step count.</summary>
    public void Add(string prefix, AdamWOptimizer optimizer)
    {
        foreach (var (name, tensor) in optimizer.State())
        {
            Add($"{prefix}.{name}", tensor);
        }

        Counters[prefix + ".steps"] = (ulong)optimizer.StepCount;
    }

    /// <summary>Adds the position of a random sequence.</summary>
    public void Add(string name, Philox random) => Counters[name + ".position"] = random.Position;

    /// <summary>Copies the saved parameters of <see cref="Add(string, nn.Module)"/> back into a module.</summary>
    public void Restore(string prefix, nn.Module module) => Restore(prefix, module.named_parameters());

    /// <summary>Copies saved parameters back.</summary>
    public void Restore(string prefix, IEnumerable<(string name, Parameter parameter)> parameters)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        foreach (var (name, parameter) in parameters)
        {
            parameter.copy_(Find($"{prefix}.{name}", parameter.shape));
        }
    }

    /// <summary>Continues an optimizer from what <see cref="Add(string, AdamWOptimizer)"/> saved.</summary>
    public void Restore(string prefix, AdamWOptimizer optimizer) =>
        optimizer.Restore(name => Find($"{prefix}.{name}", null), (long)Counter(prefix + ".steps"));

    /// <summary>Continues a random sequence from what <see cref="Add(string, Philox)"/> saved.</summary>
    public void Restore(string name, Philox random) => random.Position = Counter(name + ".position");

    /// <summary>A saved whole number.</summary>
    /// <exception cref="TrainingStateException">If it is missing.</exception>
    public ulong Counter(string name) => Counters.TryGetValue(name, out var value)
        ? value
        : throw new TrainingStateException($"The training state of step {Step} has no counter {name}; it has: {string.Join(", ", Counters.Keys)}.");

    /// <summary>A saved real number.</summary>
    /// <exception cref="TrainingStateException">If it is missing.</exception>
    public double Number(string name) => Numbers.TryGetValue(name, out var value)
        ? value
        : throw new TrainingStateException($"The training state of step {Step} has no number {name}; it has: {string.Join(", ", Numbers.Keys)}.");

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_ownsTensors)
        {
            foreach (var tensor in _tensors.Values)
            {
                tensor.Dispose();
            }
        }
    }

    /// <summary>A saved tensor; it lives as long as the state.</summary>
    /// <exception cref="TrainingStateException">If it is missing.</exception>
    public Tensor Find(string name) => Find(name, null);

    private Tensor Find(string name, long[]? shape)
    {
        if (!_tensors.TryGetValue(name, out var tensor))
        {
            throw new TrainingStateException($"The training state of step {Step} has no tensor {name}: it belongs to another model.");
        }

        return shape is null || tensor.shape.SequenceEqual(shape)
            ? tensor
            : throw new TrainingStateException(
                $"The tensor {name} in the training state of step {Step} has the shape [{string.Join(", ", tensor.shape)}]; the model's has [{string.Join(", ", shape)}].");
    }
}
