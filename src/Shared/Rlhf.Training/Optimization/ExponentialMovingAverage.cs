using Rlhf.Training.Checkpointing;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Rlhf.Training.Optimization;

/// <summary>
/// The exponential moving average of a run's weights (Polyak and Juditsky 1992; in RLHF: DeepSpeed-Chat's <c>actor_ema</c>): after every
/// optimizer step a ← d·a + (1 − d)·w, beginning at the starting weights.
/// </summary>
public sealed class ExponentialMovingAverage : IDisposable
{
    private const string Prefix = "ema";

    private readonly double _decay;
    private readonly List<(string Name, Parameter Parameter, Tensor Average)> _slots = [];

    private ExponentialMovingAverage(IEnumerable<(string Name, Parameter Parameter)> parameters, double decay)
    {
        _decay = decay;
        foreach (var (name, parameter) in parameters)
        {
            _slots.Add((name, parameter, parameter.detach().clone().DetachFromDisposeScope()));
        }
    }

    /// <summary>An average that begins at the weights as they are.</summary>
    /// <param name="parameters">Unique names with the parameters that are trained; they stay the caller's.</param>
    /// <param name="decay">d in [0, 1); 0 keeps no average.</param>
    /// <returns>Null if <paramref name="decay"/> is 0.</returns>
    public static ExponentialMovingAverage? Create(IEnumerable<(string Name, Parameter Parameter)> parameters, double decay)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(decay);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(decay, 1);
        using var noGrad = no_grad();
        return decay == 0 ? null : new ExponentialMovingAverage(parameters, decay);
    }

    /// <summary>Takes the weights as they are now into the average.</summary>
    public void Update()
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        foreach (var (_, parameter, average) in _slots)
        {
            average.mul_(_decay).add_(parameter, 1 - _decay);
        }
    }

    /// <summary>Puts the average into the model; disposing the result brings its own weights back, bit for bit.</summary>
    public IDisposable Apply()
    {
        Exchange();
        return new Scope(Exchange);
    }

    /// <summary>Calls with the average in the model, which has its own weights again afterwards; null: nothing happens.</summary>
    public void ShowTo(Action? look)
    {
        if (look is not null)
        {
            using var applied = Apply();
            look();
        }
    }

    /// <summary>Adds the average to a state that is about to be saved.</summary>
    public void Save(TrainingState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        foreach (var (name, _, average) in _slots)
        {
            state.Add($"{Prefix}.{name}", average);
        }
    }

    /// <summary>Continues from what <see cref="Save"/> added.</summary>
    public void Restore(TrainingState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        foreach (var (name, _, average) in _slots)
        {
            average.copy_(state.Find($"{Prefix}.{name}"));
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var (_, _, average) in _slots)
        {
            average.Dispose();
        }
    }

    private void Exchange()
    {
        using var noGrad = no_grad();
        foreach (var (_, parameter, average) in _slots)
        {
            using var scope = NewDisposeScope();
            var own = parameter.detach().clone();
            parameter.copy_(average);
            average.copy_(own);
        }
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
