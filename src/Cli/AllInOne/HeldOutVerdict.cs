using Rlhf.Modeling.Checkpoints;
using Rlhf.Modeling.Generation;
using Rlhf.Modeling.Tokenization;
using Rlhf.TaskFamilies;
using Rlhf.Training.Batching;

namespace Rlhf.Cli.AllInOne;

/// <summary>
/// Which of two policies answers prompts better that neither was trained on. The verdict is the task's own checker, never the trained
/// reward model: what a policy learned to exploit in the reward model does not count.
/// </summary>
internal static class HeldOutVerdict
{
    /// <summary>One answer a prompt, judged by its checker: scores in [0, 1], in the order of the prompts.</summary>
    /// <param name="modelDirectory">The policy.</param>
    /// <param name="prompts">What it is asked.</param>
    /// <param name="parameters">How it samples.</param>
    /// <param name="seed">Decides the sampling; another seed gives an independent draw of the same policy.</param>
    /// <param name="stop">Abandons it.</param>
    public static double[] Scores(string modelDirectory, IReadOnlyList<TaskPrompt> prompts, SamplingParameters parameters, ulong seed, CancellationToken stop)
    {
        var tokenizer = Tokenizer.Load(modelDirectory);
        using var model = PretrainedModel.LoadCausal(modelDirectory);
        var encoder = new DialogueEncoder(tokenizer, model.Config.MaxPositionEmbeddings);
        var encoded = prompts.Select(p => encoder.EncodePrompt(p.Text, parameters.MaxNewTokens)).ToArray();
        var answers = new Generator(model).Generate(encoded, parameters, seed, ct: stop);
        return [.. prompts.Zip(answers, (prompt, answer) => TaskFamilyRegistry.Score(prompt, tokenizer.Decode(answer.Ids).Trim()).Value)];
    }

    /// <summary>For each prompt 1 where the first policy's answer scores higher, 0 where lower, ½ where equal.</summary>
    public static double[] Preferences(double[] first, double[] second) =>
        [.. first.Zip(second, (a, b) => a > b ? 1.0 : a < b ? 0.0 : 0.5)];
}
