using Rlhf.Bench.Learning.Tasks;
using Rlhf.Numerics;
using RewardModel.Service.Training;
using Trainer.Service.Algorithms.Preference;
using Trainer.Service.Algorithms.Sft;

namespace Rlhf.Bench.Learning;

/// <summary>Random responses to a task's prompts with their scores, and what the offline methods make of them.</summary>
public sealed class LearningData
{
    private readonly ILearningTask _task;
    private readonly (int Prompt, int[] Response, double Score)[] _responses;

    /// <summary>Draws the responses, as many to every prompt.</summary>
    /// <param name="task">The task.</param>
    /// <param name="count">Responses.</param>
    /// <param name="random">Where they are drawn from.</param>
    public LearningData(ILearningTask task, int count, Philox random)
    {
        ArgumentNullException.ThrowIfNull(task);
        _task = task;
        _responses = [.. Enumerable.Range(0, count).Select(i =>
        {
            var prompt = i % task.Prompts.Count;
            var response = task.Random(task.Prompts[prompt], random);
            return (prompt, response, task.Score(task.Prompts[prompt], response));
        })];
    }

    /// <summary>All of them, whatever they are worth.</summary>
    public SftExample[] All() => [.. _responses.Select(Example)];

    /// <summary>The best tenth of the responses to every prompt.</summary>
    public SftExample[] Best() =>
        [.. _responses.GroupBy(r => r.Prompt).SelectMany(g => g.OrderByDescending(r => r.Score).Take(Math.Max(1, g.Count() / 10))).Select(Example)];

    /// <summary>Neighbours among the responses to a prompt, the better one chosen.</summary>
    public PreferenceExample[] Pairs() =>
        [.. from g in _responses.GroupBy(r => r.Prompt)
            from pair in g.Zip(g.Skip(1))
            where pair.First.Score != pair.Second.Score
            let first = pair.First.Score > pair.Second.Score
            select new PreferenceExample(_task.Prompts[g.Key], first ? pair.First.Response : pair.Second.Response, first ? pair.Second.Response : pair.First.Response)];

    /// <summary>The same for reward models.</summary>
    /// <param name="except">Pairs that are left out: those of the training set, so that what is held out was never seen.</param>
    public RankedCompletions[] Comparisons(IEnumerable<RankedCompletions>? except = null)
    {
        var seen = (except ?? []).Select(Text).ToHashSet(StringComparer.Ordinal);
        return [.. Pairs().Select(p => RankedCompletions.Pair(p.Prompt, p.Chosen, p.Rejected)).Where(c => !seen.Contains(Text(c)))];

        static string Text(RankedCompletions c) => $"{string.Join(' ', c.Prompt)}/{string.Join(' ', c.Chosen)}/{string.Join(' ', c.Rejected)}";
    }

    /// <summary>Good is what is better than the mean of its prompt.</summary>
    public UnpairedExample[] Judged() =>
        [.. from g in _responses.GroupBy(r => r.Prompt)
            let mean = g.Average(r => r.Score)
            from r in g
            select new UnpairedExample(_task.Prompts[g.Key], r.Response, r.Score > mean)];

    private SftExample Example((int Prompt, int[] Response, double Score) r) => new(_task.Prompts[r.Prompt], r.Response);
}
