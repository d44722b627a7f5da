using Rlhf.Modeling.Heads;
using Rlhf.Training.Evaluation;

namespace Trainer.Service.Algorithms.Ppo;

/// <summary>Ways to score responses.</summary>
public static class ScoreResponsesWith
{
    /// <summary>A reward model's score of prompt and response, at the last token.</summary>
    public static ScoreResponses Model(ScalarHeadModel reward) => (prompts, responses) =>
        SequenceScorer.Score(reward, [.. prompts.Zip(responses, (prompt, response) => (int[])[.. prompt, .. response])], reward.Config.PadTokenId ?? 0);
}
