// B responses, T tokens.
using Rlhf.Modeling.Heads;
using TorchSharp;
using static TorchSharp.torch;

namespace Rlhf.Training.Scoring;

/// <summary>Scores responses with a reward model, a batch at a time, without gradients.</summary>
/// <param name="model">Scores prompt and response at the last token, minus its bias.</param>
/// <param name="batchSize">Responses of one forward pass.</param>
public sealed class ResponseScorer(ScalarHeadModel model, int batchSize = 64)
{
    /// <summary>One score per response, in the order given; independent of how they are batched up to rounding.</summary>
    /// <param name="prompts">Prompt tokens.</param>
    /// <param name="responses">Response tokens, EOS included where there is one.</param>
    public IReadOnlyList<float> Score(IReadOnlyList<int[]> prompts, IReadOnlyList<int[]> responses)
    {
        var scores = new float[prompts.Count];
        using var _ = no_grad();
        for (var start = 0; start < scores.Length; start += batchSize)
        {
            using var scope = NewDisposeScope();
            var count = Math.Min(batchSize, scores.Length - start);
            var length = Enumerable.Range(start, count).Max(i => prompts[i].Length + responses[i].Length);
            var ids = new long[count * length];
            var mask = new long[count * length];
            for (var row = 0; row < count; row++)
            {
                var column = row * length;
                foreach (var id in prompts[start + row].Concat(responses[start + row]))
                {
                    ids[column] = id;
                    mask[column++] = 1;
                }
            }

            model.Scores(tensor(ids, [count, length]), tensor(mask, [count, length])).data<float>().ToArray().CopyTo(scores, start);
        }

        return scores;
    }
}
