using Rlhf.Modeling.Heads;
using Rlhf.Modeling.Tokenization;
using Rlhf.Training.Evaluation;

namespace Trainer.Service.Algorithms.Common;

/// <summary>Ways to score responses.</summary>
public static class ScoreResponsesWith
{
    /// <summary>A reward model's score of prompt and response, at the last token.</summary>
    public static ScoreResponses Model(ScalarHeadModel reward) => (prompts, responses) =>
        SequenceScorer.Score(reward, Together(prompts, responses), reward.Config.PadTokenId ?? 0);

    /// <summary>An ensemble's score: its mean less λ standard deviations of its members.</summary>
    public static ScoreResponses Ensemble(RewardEnsemble reward) => (prompts, responses) => reward.Score(Together(prompts, responses)).Scores;

    /// <summary>A function that checks the text of a response (TRL's <c>reward_funcs</c>).</summary>
    /// <param name="tokenizer">The policy's.</param>
    /// <param name="checks">For each prompt's tokens what its responses are worth.</param>
    public static ScoreResponses Checks(Tokenizer tokenizer, IEnumerable<(int[] Prompt, Func<string, double> Check)> checks)
    {
        var byPrompt = new Dictionary<string, Func<string, double>>(StringComparer.Ordinal);
        foreach (var (prompt, check) in checks)
        {
            byPrompt[Key(prompt)] = check;
        }

        return (prompts, responses) =>
        [
            .. prompts.Zip(responses, (prompt, response) => byPrompt.TryGetValue(Key(prompt), out var check)
                ? (float)check(tokenizer.Decode(response, skipSpecialTokens: true))
                : throw new InvalidOperationException($"There is no check for the prompt {Key(prompt)}.")),
        ];

        static string Key(int[] prompt) => string.Join(' ', prompt);
    }

    /// <summary>Several scores, each times its weight (TRL's <c>reward_weights</c>).</summary>
    public static ScoreResponses WeightedSum(IReadOnlyList<(ScoreResponses Score, double Weight)> parts) => (prompts, responses) =>
    {
        var sums = new double[responses.Count];
        foreach (var (score, weight) in parts)
        {
            var scores = score(prompts, responses);
            for (var i = 0; i < sums.Length; i++)
            {
                sums[i] += weight * scores[i];
            }
        }

        return [.. sums.Select(s => (float)s)];
    };

    private static int[][] Together(IReadOnlyList<int[]> prompts, IReadOnlyList<int[]> responses) =>
        [.. prompts.Zip(responses, (prompt, response) => (int[])[.. prompt, .. response])];
}
