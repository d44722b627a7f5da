using System.Diagnostics;
using Rlhf.Bench;
using Rlhf.Modeling.Transformer;
using Rlhf.Training.Optimization;
using TorchSharp;
using static TorchSharp.torch;

namespace TrainingBench;

/// <summary>A model with its optimizer, and the time of each part of a step.</summary>
/// <param name="model">The model; owned.</param>
/// <param name="learningRate">Of AdamW.</param>
internal abstract class TrainingStep(nn.Module model, double learningRate) : IDisposable
{
    private readonly AdamWOptimizer _optimizer = new(model.named_parameters(), new AdamWSettings());
    private ulong _seed = 1;

    /// <summary>Tokens of one step.</summary>
    public abstract int Tokens { get; }

    /// <summary>Numbers that a token is multiplied with on average, so that a step has 6 times as many operations a token.</summary>
    public abstract long ActiveParameters { get; }

    /// <summary>One step.</summary>
    /// <param name="precision">fp32 or bf16; bf16 as a configuration's <c>bf16</c> does it, with fp32 products where those are faster.</param>
    /// <returns>Seconds by part, and the loss.</returns>
    public IReadOnlyDictionary<string, double> Run(string precision)
    {
        SetBf16(precision == "bf16" && MixedPrecision.IsFasterOn(CPU));
        using var scope = NewDisposeScope();
        var forward = NewBatch(() => ++_seed);
        var clock = Stopwatch.StartNew();
        var body = double.NaN;
        var loss = forward(() => body = clock.Elapsed.TotalSeconds);
        var head = clock.Elapsed.TotalSeconds;
        body = double.IsNaN(body) ? head : body;
        _optimizer.ZeroGrad();
        loss.backward();
        var backward = clock.Elapsed.TotalSeconds;
        var (_, factor) = GradientClipping.ByNorm(_optimizer.Parameters, 1.0);
        var clip = clock.Elapsed.TotalSeconds;
        _optimizer.Step(learningRate, factor);
        var all = clock.Elapsed.TotalSeconds;
        return new Dictionary<string, double>
        {
            ["body forward"] = body,
            ["head forward"] = head - body,
            ["backward"] = backward - head,
            ["clip"] = clip - backward,
            ["AdamW"] = all - clip,
            [Variant.All] = all,
            ["loss"] = loss.item<float>(),
        };
    }

    public void Dispose()
    {
        _optimizer.Dispose();
        model.Dispose();
    }

    protected abstract void SetBf16(bool on);

    /// <summary>Draws a batch.</summary>
    /// <param name="seed">A new seed at every call.</param>
    /// <returns>Its loss with gradient; calls what it is given when the states before the head are there.</returns>
    protected abstract Func<Action, Tensor> NewBatch(Func<ulong> seed);
}
