using Rlhf.Numerics;
using Rlhf.TaskFamilies;

namespace Rlhf.Training.Evaluation.Tasks;

/// <summary>One way to ask a task family's questions.</summary>
/// <param name="Examples">K, examples before the question.</param>
/// <param name="ChainOfThought">Whether examples show steps; without examples, whether steps are asked for.</param>
public sealed record TaskVariant(int Examples, bool ChainOfThought)
{
    // Examples come from the training part of the split: no question is its own example.
    private const int PoolSize = 32;

    /// <summary>"zero-shot", "3-shot", "3-shot-cot" or "zero-shot-cot".</summary>
    public string Name => (Examples == 0 ? "zero-shot" : $"{Examples}-shot") + (ChainOfThought ? "-cot" : "");

    /// <summary>The ways a configuration asks a family's questions.</summary>
    public static IReadOnlyList<TaskVariant> Of(EvaluationConfig config, ITaskFamily family)
    {
        var variants = new List<TaskVariant> { new(0, false) };
        if (config.NumFewshot > 0)
        {
            variants.Add(new(config.NumFewshot, false));
        }

        if (config.ChainOfThought && family is IWorkedFamily)
        {
            variants.Add(new(config.NumFewshot, true));
        }

        return variants;
    }

    /// <summary>
    /// The dialogues for a family's questions: examples drawn for each question as turns before it. Examples that do not fit the model are left out, the first
    /// ones first.
    /// </summary>
    /// <param name="family">The family.</param>
    /// <param name="questions">Its questions.</param>
    /// <param name="seed">Draws the examples.</param>
    /// <param name="fits">Whether a dialogue leaves the model room for an answer.</param>
    public IReadOnlyList<string> Dialogues(ITaskFamily family, IReadOnlyList<TaskPrompt> questions, ulong seed, Func<string, bool> fits)
    {
        var pool = Examples == 0 ? [] : TaskPromptSet.Draw(family, Math.Max(PoolSize, Examples), heldOut: false, seed);
        return [.. questions.Select((question, i) =>
        {
            var random = new Philox(seed, EvaluationStreams.Examples + (ulong)i);
            var order = random.Permutation(pool.Count).Take(Examples);
            var examples = order.Select(e => DialogueFormat.Dialogue(pool[e].Text, Example(family, pool[e], random))).ToList();
            var last = DialogueFormat.Prompt(ChainOfThought && Examples == 0 ? question.Text + " " + TaskFamilies.ChainOfThought.Trigger : question.Text);
            while (examples.Count > 0 && !fits(string.Concat(examples) + last))
            {
                examples.RemoveAt(0);
            }

            return string.Concat(examples) + last;
        })];
    }

    /// <summary>The part of an answer that is judged.</summary>
    public string Judged(string answer) => ChainOfThought ? TaskFamilies.ChainOfThought.Extract(answer) : answer;

    private string Example(ITaskFamily family, TaskPrompt prompt, Philox random)
    {
        var answer = family.CreateAnswer(prompt, random, quality: 1);
        return ChainOfThought && family is IWorkedFamily worked ? TaskFamilies.ChainOfThought.Answer(worked.Steps(prompt), answer) : answer;
    }
}
