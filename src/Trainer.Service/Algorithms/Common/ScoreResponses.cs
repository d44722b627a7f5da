namespace Trainer.Service.Algorithms.Common;

/// <summary>Scores responses: a reward model, or a function that tests can check.</summary>
/// <param name="prompts">Prompt tokens.</param>
/// <param name="responses">The response to each prompt, EOS included where one was drawn.</param>
/// <returns>One finite score per response.</returns>
public delegate IReadOnlyList<float> ScoreResponses(IReadOnlyList<int[]> prompts, IReadOnlyList<int[]> responses);
