using Rlhf.Modeling.Transformer;
using Rlhf.Training.Evaluation;
using Trainer.Service.Algorithms.Preference;
using TorchSharp;
using static TorchSharp.torch;

namespace Trainer.Service.Tests.Algorithms.Preference;

/// <summary>Padding on the right, on the left, and none at all give the preference methods the same log-probabilities, losses and gradients.</summary>
public sealed class PaddingTests
{
    private static readonly (int[] Prompt, int[] Completion)[] Chosen = [([2, 3], [4, 5, 6, TinyModels.Eos]), ([7, 8, 9], [10, TinyModels.Eos])];
    private static readonly (int[] Prompt, int[] Completion)[] Rejected = [([2, 3], [6, TinyModels.Eos]), ([7, 8, 9], [11, 12, 13, 14, TinyModels.Eos])];

    public static TheoryData<string> Methods => ["dpo", "kto", "orpo"];

    [Theory]
    [MemberData(nameof(Methods))]
    public void Loss_RightLeftAndNoPadding_IsTheSameWithItsGradient(string method)
    {
        using var scope = NewDisposeScope();
        var right = LossAndGradient(method, RightPadded);
        var left = LossAndGradient(method, LeftPadded);
        var none = LossAndGradient(method, Alone);

        // Sums in another order: single precision's rounding.
        Assert.Equal(none.Loss, right.Loss, 1e-6);
        Assert.Equal(none.Loss, left.Loss, 1e-6);
        Assert.Equal(0, Largest(none.Gradient - right.Gradient), 1e-5);
        Assert.Equal(0, Largest(none.Gradient - left.Gradient), 1e-5);
        Assert.True(Largest(none.Gradient) > 1e-3);
    }

    private static (float Loss, Tensor Gradient) LossAndGradient(string method, Func<CausalLanguageModel, (int[] Prompt, int[] Completion)[], Tensor> score)
    {
        var model = TinyModels.Policy();
        var (chosen_P, rejected_P) = (score(model, Chosen), score(model, Rejected));
        var (chosenTokens_P, rejectedTokens_P) = (tensor(new[] { 4f, 2f }), tensor(new[] { 2f, 5f }));
        var reference_P = tensor(new[] { -9f, -8f });
        var loss = method switch
        {
            "dpo" => DpoLoss.Compute(
                DpoLossType.Sigmoid, new PairLogprobs(chosen_P, rejected_P, chosenTokens_P, rejectedTokens_P, reference_P, reference_P), new DpoConfig(), 6, 2).mean(),
            "kto" => KtoLoss.Compute(cat([chosen_P, rejected_P]) + 9, tensor(new[] { 1f, 1f, 0f, 0f }), 0.1, new KtoConfig()).mean(),
            _ => OrpoLoss.OddsRatio(chosen_P / chosenTokens_P, rejected_P / rejectedTokens_P, 0.1).mean() - (chosen_P.sum() / 6),
        };
        loss.backward();
        return (loss.item<float>(), cat([.. model.parameters().Select(p => p.grad!.reshape(-1))]));
    }

    private static Tensor RightPadded(CausalLanguageModel model, (int[] Prompt, int[] Completion)[] rows) =>
        new CompletionScorer(model).Sum([.. rows.Select(r => r.Prompt)], [.. rows.Select(r => r.Completion)]);

    private static Tensor Alone(CausalLanguageModel model, (int[] Prompt, int[] Completion)[] rows) => cat([.. rows.Select(r => RightPadded(model, [r]))]);

    private static Tensor LeftPadded(CausalLanguageModel model, (int[] Prompt, int[] Completion)[] rows)
    {
        var length = rows.Max(r => r.Prompt.Length + r.Completion.Length) + 2;
        var ids = new long[rows.Length * length];
        var mask = new long[ids.Length];
        for (var row = 0; row < rows.Length; row++)
        {
            int[] tokens = [.. rows[row].Prompt, .. rows[row].Completion];
            for (var i = 0; i < tokens.Length; i++)
            {
                var cell = ((row + 1) * length) - tokens.Length + i;
                (ids[cell], mask[cell]) = (tokens[i], 1);
            }
        }

        var hidden_BLD = model.Hidden(tensor(ids, [rows.Length, length]), tensor(mask, [rows.Length, length]));
        return stack([.. rows.Select((row, b) =>
        {
            var count = row.Completion.Length;
            var predictors_ND = hidden_BLD.select(0, b).narrow(0, length - count - 1, count);
            return model.Logprobs(predictors_ND, tensor(row.Completion.Select(t => (long)t).ToArray())).Logprobs_N.sum();
        })]);
    }

    private static float Largest(Tensor values) => values.abs().max().item<float>();
}
