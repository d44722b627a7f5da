using System.Diagnostics;
using Rlhf.Bench;
using Rlhf.Modeling.Transformer;
using Rlhf.Training.Optimization;
using static TorchSharp.torch;

namespace TrainingBench;

/// <summary>A step of language modelling as our trainers make it, with the time of each part.</summary>
internal sealed class LanguageModelStep : ITrainingStep
{
    public const int Batch = 4;
    public const int Length = 256;

    private readonly CausalLanguageModel _model;
    private readonly AdamWOptimizer _optimizer;
    private ulong _seed = 1;

    public LanguageModelStep(string config)
    {
        _model = BenchModels.Create(config);
        _optimizer = new AdamWOptimizer(_model.named_parameters(), new AdamWSettings());
    }

    public int Tokens => Batch * Length;

    public long ActiveParameters => BenchModels.Parameters(_model);

    public IReadOnlyDictionary<string, double> Run(string precision)
    {
        _model.Bf16 = precision == "bf16";
        using var scope = NewDisposeScope();
        var ids = BenchModels.Tokens(_model.Config, Batch * (Length + 1), ++_seed);
        var (inputs_BT, targets_N) = Split(ids);
        var clock = Stopwatch.StartNew();
        var hidden_BTD = _model.Hidden(inputs_BT);
        var body = clock.Elapsed.TotalSeconds;
        var (logprobs_N, _) = _model.Logprobs(hidden_BTD.view(Tokens, -1), targets_N);
        var loss = logprobs_N.mean().neg();
        var head = clock.Elapsed.TotalSeconds;
        _optimizer.ZeroGrad();
        loss.backward();
        var backward = clock.Elapsed.TotalSeconds;
        GradientClipping.ByNorm(_optimizer.Parameters, 1.0);
        var clip = clock.Elapsed.TotalSeconds;
        _optimizer.Step(1e-4);
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
        _model.Dispose();
    }

    // Rows of Length + 1 tokens: the first Length are read, the last Length are to be told.
    private static (Tensor Inputs_BT, Tensor Targets_N) Split(int[] ids)
    {
        var ids_BT = tensor(ids.Select(id => (long)id).ToArray(), [Batch, Length + 1]);
        return (ids_BT.narrow(1, 0, Length).contiguous(), ids_BT.narrow(1, 1, Length).reshape(-1));
    }
}
