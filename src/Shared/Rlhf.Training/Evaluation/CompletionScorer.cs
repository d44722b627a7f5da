// B rows, N completion tokens, T completion columns.
using Rlhf.Modeling.Transformer;
using Rlhf.Training.Batching;
using TorchSharp;
using static TorchSharp.torch;

namespace Rlhf.Training.Evaluation;

/// <summary>Log-probabilities of whole completions under a model.</summary>
/// <param name="model">The model.</param>
public sealed class CompletionScorer(CausalLanguageModel model)
{
    private readonly int _pad = model.Config.PadTokenId ?? 0;

    /// <summary>log π(completion | prompt) of each row, with gradient unless that is off.</summary>
    /// <param name="prompts">Prompt tokens.</param>
    /// <param name="completions">Completion tokens, as many rows.</param>
    /// <param name="tailFrom">
    /// For each row the number of tokens after which <paramref name="tailWeight"/> applies; null: every token counts in full.
    /// </param>
    /// <param name="tailWeight">Weight of the tokens after that.</param>
    /// <returns>[B], nats.</returns>
    public Tensor Sum(IReadOnlyList<int[]> prompts, IReadOnlyList<int[]> completions, int[]? tailFrom = null, double tailWeight = 1)
    {
        var batch = PromptResponseBatch.Create(prompts, completions, _pad);
        var (logprobs_N, _) = model.Logprobs(model.Hidden(batch.InputIds_BL, places_N: batch.PredictorIndex_N), batch.ResponseIds_N);
        var logprobs_BT = batch.ToCells(logprobs_N);
        if (tailFrom is not null)
        {
            var tail_BT = arange(batch.ResponseColumns, int64).unsqueeze(0).ge(tensor(tailFrom.Select(t => (long)t).ToArray()).unsqueeze(1));
            logprobs_BT = logprobs_BT * (1 - (tail_BT.to_type(logprobs_BT.dtype) * (1 - tailWeight)));
        }

        return logprobs_BT.sum(1);
    }

    /// <summary>The same without gradient for any number of rows, like lengths together, in the order given.</summary>
    /// <param name="prompts">Prompt tokens.</param>
    /// <param name="completions">Completion tokens, as many rows.</param>
    /// <param name="batchSize">Rows of one pass.</param>
    /// <param name="tailFrom">As for <see cref="Sum"/>.</param>
    /// <param name="tailWeight">As for <see cref="Sum"/>.</param>
    public float[] SumAll(IReadOnlyList<int[]> prompts, IReadOnlyList<int[]> completions, int batchSize, int[]? tailFrom = null, double tailWeight = 1)
    {
        using var noGrad = no_grad();
        var sums = new float[prompts.Count];
        foreach (var rows in Enumerable.Range(0, prompts.Count).OrderBy(i => prompts[i].Length + completions[i].Length).Chunk(batchSize))
        {
            using var scope = NewDisposeScope();
            int[]? tails = tailFrom is null ? null : [.. rows.Select(i => tailFrom[i])];
            var values = Sum([.. rows.Select(i => prompts[i])], [.. rows.Select(i => completions[i])], tails, tailWeight).data<float>();
            for (var i = 0; i < rows.Length; i++)
            {
                sums[rows[i]] = values[i];
            }
        }

        return sums;
    }

    /// <summary>Refuses rows that do not fit the model.</summary>
    /// <exception cref="ArgumentException">If a row is empty or too long; names its number.</exception>
    public void Check(IReadOnlyList<(int[] Prompt, int[] Completion)> rows, string argument)
    {
        for (var i = 0; i < rows.Count; i++)
        {
            var (prompt, completion) = rows[i];
            if (prompt.Length == 0 || completion.Length == 0)
            {
                throw new ArgumentException($"Example {i} has an empty {(prompt.Length == 0 ? "prompt" : "completion")}.", argument);
            }

            if (prompt.Length + completion.Length > model.Config.MaxPositionEmbeddings)
            {
                throw new ArgumentException(
                    $"Example {i} has {prompt.Length + completion.Length} tokens; the model has {model.Config.MaxPositionEmbeddings} positions.", argument);
            }
        }
    }
}
