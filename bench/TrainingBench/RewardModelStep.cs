using System.Diagnostics;
using RewardModel.Service.Training;
using Rlhf.Bench;
using Rlhf.Modeling.Heads;
using Rlhf.Numerics;
using Rlhf.Training.Evaluation;
using Rlhf.Training.Optimization;
using static TorchSharp.torch;

namespace TrainingBench;

/// <summary>A step of the reward model on pairs, as its trainer makes it.</summary>
internal sealed class RewardModelStep : ITrainingStep
{
    public const int Pairs = 4;
    public const int Length = 128;

    private readonly ScalarHeadModel _model;
    private readonly AdamWOptimizer _optimizer;
    private ulong _seed = 1;

    public RewardModelStep(string config)
    {
        using var language = BenchModels.Create(config);
        _model = ScalarHeadModel.FromCausal(language, new Philox(2));
        _optimizer = new AdamWOptimizer(_model.named_parameters(), new AdamWSettings());
    }

    public int Tokens => 2 * Pairs * Length;

    // The embeddings are looked up here, not multiplied.
    public long ActiveParameters => BenchModels.Parameters(_model) - ((long)_model.Config.VocabSize * _model.Config.HiddenSize);

    public IReadOnlyDictionary<string, double> Run(string precision)
    {
        _model.Bf16 = precision == "bf16";
        using var scope = NewDisposeScope();
        int[][] texts = [.. Enumerable.Range(0, 2 * Pairs).Select(_ => BenchModels.Tokens(_model.Config, Length, ++_seed))];
        var clock = Stopwatch.StartNew();
        var scores = SequenceScorer.ScoreWithGradient(_model, texts, padId: 0);
        var loss = BradleyTerryLoss.Compute(scores.narrow(0, 0, Pairs), scores.narrow(0, Pairs, Pairs));
        var forward = clock.Elapsed.TotalSeconds;
        _optimizer.ZeroGrad();
        loss.backward();
        var backward = clock.Elapsed.TotalSeconds;
        GradientClipping.ByNorm(_optimizer.Parameters, 1.0);
        var clip = clock.Elapsed.TotalSeconds;
        _optimizer.Step(1e-5);
        var all = clock.Elapsed.TotalSeconds;
        return new Dictionary<string, double>
        {
            ["body forward"] = forward,
            ["backward"] = backward - forward,
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
}
