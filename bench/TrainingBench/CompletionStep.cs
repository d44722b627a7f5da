using Rlhf.Bench;
using Rlhf.Modeling.Transformer;
using Rlhf.Training.Evaluation;
using TorchSharp;
using F = TorchSharp.torch.nn.functional;

namespace TrainingBench;

/// <summary>A step on completions of prompts, whose tokens alone go through the output matrix.</summary>
internal abstract class CompletionStep(CausalLanguageModel model, double learningRate, int rows) : TrainingStep(model, learningRate)
{
    public const int Prompt = 128;
    public const int Completion = 128;

    private readonly CompletionScorer _scorer = new(model);

    public override int Tokens => rows * (Prompt + Completion);

    // Of the output matrix, which is the embedding matrix, the completions' share.
    public override long ActiveParameters =>
        BenchModels.Parameters(model) - ((long)model.Config.VocabSize * model.Config.HiddenSize * Prompt / (Prompt + Completion));

    protected override void SetBf16(bool on) => model.Bf16 = on;

    protected abstract int[] PromptOf(int row, int[][] drawn);

    /// <summary>The loss of what the completions' log-probabilities sum up to.</summary>
    /// <param name="sums">[rows], nats.</param>
    protected abstract torch.Tensor Loss(torch.Tensor sums);

    protected override Func<Action, torch.Tensor> NewBatch(Func<ulong> seed)
    {
        int[][] drawn = [.. Enumerable.Range(0, rows).Select(_ => BenchModels.Tokens(model.Config, Prompt, seed()))];
        int[][] prompts = [.. Enumerable.Range(0, rows).Select(row => PromptOf(row, drawn))];
        int[][] completions = [.. Enumerable.Range(0, rows).Select(_ => BenchModels.Tokens(model.Config, Completion, seed()))];
        return _ => Loss(_scorer.Sum(prompts, completions));
    }
}

/// <summary>Cross-entropy of completions, as the SFT trainer has it.</summary>
internal sealed class SftStep(CausalLanguageModel model) : CompletionStep(model, 1e-5, Batch)
{
    public const int Batch = 4;

    protected override int[] PromptOf(int row, int[][] drawn) => drawn[row];

    protected override torch.Tensor Loss(torch.Tensor sums) => sums.sum() / (double)-(Batch * Completion);
}

/// <summary>DPO's sigmoid loss of pairs, the reference's log-probabilities given, as the DPO trainer has it.</summary>
internal sealed class DpoStep(CausalLanguageModel model) : CompletionStep(model, 1e-6, 2 * Pairs)
{
    public const int Pairs = 2;
    private const double Beta = 0.1;

    protected override int[] PromptOf(int row, int[][] drawn) => drawn[row % Pairs];

    protected override torch.Tensor Loss(torch.Tensor sums) =>
        F.logsigmoid(Beta * (sums.narrow(0, 0, Pairs) - sums.narrow(0, Pairs, Pairs))).mean().neg();
}
