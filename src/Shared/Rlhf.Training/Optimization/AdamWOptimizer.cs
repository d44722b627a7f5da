using Rlhf.Torch.Extensions.Kernels;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Rlhf.Training.Optimization;

/// <summary>
/// AdamW (Loshchilov and Hutter 2019) over named parameters. The moments are ordinary named tensors, so a run can save them
/// beside its weights and continue bit for bit.
/// </summary>
/// <remarks>
/// PyTorch's update lr/(1−β₁ᵗ) · m / (√v/√(1−β₂ᵗ) + ε) is written as lr·√(1−β₂ᵗ)/(1−β₁ᵗ) · m / (√v + ε·√(1−β₂ᵗ)), which needs one
/// pass less over memory and differs from TensorFlow's only in the factor at ε.
/// </remarks>
public sealed class AdamWOptimizer : IDisposable
{
    private readonly AdamWSettings _settings;
    private readonly List<Slot> _slots = [];

    /// <summary>Makes zeroed moments for the given parameters.</summary>
    /// <param name="parameters">Unique names with their parameters; the parameters stay the caller's.</param>
    /// <param name="settings">The constants.</param>
    /// <exception cref="ArgumentException">If the settings are unusable or a name occurs twice.</exception>
    public AdamWOptimizer(IEnumerable<(string Name, Parameter Parameter)> parameters, AdamWSettings settings)
    {
        var faults = settings.Validate();
        if (faults.Count > 0)
        {
            throw new ArgumentException(string.Join(" ", faults), nameof(settings));
        }

        _settings = settings;
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (name, parameter) in parameters)
        {
            if (!names.Add(name))
            {
                throw new ArgumentException($"The parameter name {name} occurs twice.", nameof(parameters));
            }

            var decays = settings.WeightDecay > 0
                && (settings.WeightDecayScope == WeightDecayScope.AllParameters || parameter.shape.Length >= 2);
            _slots.Add(new Slot(
                name,
                parameter,
                zeros_like(parameter).DetachFromDisposeScope(),
                zeros_like(parameter).DetachFromDisposeScope(),
                decays));
        }
    }

    /// <summary>How many updates were made (t).</summary>
    public long StepCount { get; private set; }

    /// <summary>The parameters, in the order given.</summary>
    public IEnumerable<Parameter> Parameters => _slots.Select(s => s.Parameter);

    /// <summary>One update from the gradients that backward left; a parameter without gradient is not touched.</summary>
    /// <param name="learningRate">The rate of this update.</param>
    /// <param name="gradientFactor">Multiplies every gradient first (<see cref="GradientClipping"/>); null: 1.</param>
    public void Step(double learningRate, Tensor? gradientFactor = null)
    {
        StepCount++;
        var correction1 = 1 - Math.Pow(_settings.Beta1, StepCount);
        var rootCorrection2 = Math.Sqrt(1 - Math.Pow(_settings.Beta2, StepCount));
        var stepSize = learningRate * rootCorrection2 / correction1;
        var epsilon = _settings.EpsilonStyle == AdamEpsilonStyle.Pytorch ? _settings.Epsilon * rootCorrection2 : _settings.Epsilon;

        using var noGrad = no_grad();
        double? hostFactor = gradientFactor is null ? 1 : null;
        foreach (var slot in _slots)
        {
            using var scope = NewDisposeScope();
            var gradient = slot.Parameter.grad;
            if (gradient is null)
            {
                continue;
            }

            if (CpuKernels.Take(slot.Parameter, gradient, slot.Mean, slot.Square) && slot.Parameter.is_contiguous() && slot.Mean.is_contiguous())
            {
                hostFactor ??= gradientFactor!.item<float>();
                var decay = slot.Decays ? 1 - (learningRate * _settings.WeightDecay) : 1;
                FusedFunctions.AdamW(
                    slot.Parameter, gradient.contiguous(), slot.Mean, slot.Square, new(_settings.Beta1, _settings.Beta2, decay, stepSize, epsilon, hostFactor.Value));
                continue;
            }

            gradient = gradientFactor is null ? gradient : gradient * gradientFactor;
            if (slot.Decays)
            {
                slot.Parameter.mul_(1 - (learningRate * _settings.WeightDecay));
            }

            slot.Mean.mul_(_settings.Beta1).add_(gradient, 1 - _settings.Beta1);
            slot.Square.mul_(_settings.Beta2).addcmul_(gradient, gradient, 1 - _settings.Beta2);
            var denominator = slot.Square.sqrt().add_(epsilon);
            slot.Parameter.addcdiv_(slot.Mean, denominator, -stepSize);
        }
    }

    /// <summary>Drops all gradients, so that the next backward pass starts from nothing.</summary>
    public void ZeroGrad()
    {
        foreach (var slot in _slots)
        {
            slot.Parameter.grad = null!;
        }
    }

    /// <summary>The moments by name: <c>mean.NAME</c> and <c>square.NAME</c>. They stay the optimizer's.</summary>
    public IEnumerable<(string Name, Tensor Tensor)> State()
    {
        foreach (var slot in _slots)
        {
            yield return ("mean." + slot.Name, slot.Mean);
            yield return ("square." + slot.Name, slot.Square);
        }
    }

    /// <summary>Continues from saved moments.</summary>
    /// <param name="find">Finds a saved tensor by the name that <see cref="State"/> gave it.</param>
    /// <param name="stepCount">The saved <see cref="StepCount"/>.</param>
    public void Restore(Func<string, Tensor> find, long stepCount)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(stepCount);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        foreach (var (name, tensor) in State())
        {
            tensor.copy_(find(name));
        }

        StepCount = stepCount;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var slot in _slots)
        {
            slot.Mean.Dispose();
            slot.Square.Dispose();
        }
    }

    private sealed record Slot(string Name, Parameter Parameter, Tensor Mean, Tensor Square, bool Decays);
}
