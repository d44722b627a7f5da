using RewardModel.Service.Training;
using Rlhf.Bench;
using Rlhf.Modeling.Heads;
using Rlhf.Training.Evaluation;
using TorchSharp;

namespace TrainingBench;

/// <summary>A step of the reward model on pairs, as its trainer makes it.</summary>
internal sealed class RewardModelStep(ScalarHeadModel model) : TrainingStep(model, 1e-5)
{
    public const int Pairs = 4;
    public const int Length = 128;

    public override int Tokens => 2 * Pairs * Length;

    // The embeddings are looked up here, not multiplied.
    public override long ActiveParameters => BenchModels.Parameters(model) - ((long)model.Config.VocabSize * model.Config.HiddenSize);

    protected override void SetBf16(bool on) => model.Bf16 = on;

    protected override Func<Action, torch.Tensor> NewBatch(Func<ulong> seed)
    {
        int[][] texts = [.. Enumerable.Range(0, 2 * Pairs).Select(_ => BenchModels.Tokens(model.Config, Length, seed()))];
        return _ =>
        {
            var scores = SequenceScorer.ScoreWithGradient(model, texts, padId: 0);
            return BradleyTerryLoss.Compute(scores.narrow(0, 0, Pairs), scores.narrow(0, Pairs, Pairs));
        };
    }
}
