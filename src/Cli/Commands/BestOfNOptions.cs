using System.CommandLine;
using System.Globalization;
using Rlhf.Modeling.Generation;
using Rlhf.Modeling.Tokenization;
using Rlhf.Modeling.Transformer;
using Rlhf.TaskFamilies;
using Rlhf.Training.Evaluation;
using Trainer.Service.Algorithms.BestOfN;
using Trainer.Service.Algorithms.Common;

namespace Rlhf.Cli.Commands;

/// <summary>The flags of <c>rlhf generate</c> that choose the best of several continuations, by a reward model or by the checker of a task family.</summary>
internal sealed class BestOfNOptions
{
    private const int MostSamples = 4096;

    private readonly Option<int?> _bestOfN = new("--best-of-n") { Description = "Sample so many continuations and print the best by --reward-model or --checker (with --json all, best first)." };
    private readonly Option<string?> _rewardModel = new("--reward-model") { Description = "A reward-model directory, as rlhf reward writes it, that scores continuations for --best-of-n." };
    private readonly Option<string?> _checker = new("--checker")
    {
        Description = $"A task family whose checker scores continuations for --best-of-n, from 0 to 1: {string.Join(", ", TaskFamilyRegistry.All.Select(f => f.Name))}. "
            + "Without a prompt a held-out one of the family is drawn by --seed; the prompt is laid out as with --instruction, or --chat.",
    };

    private readonly Option<string?> _spec = new("--spec") { Description = "What the checker needs to know about the given prompt, as JSON: the column \"spec\" of such a row (docs/guides/task-families.md)." };

    /// <summary>Adds the flags to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[_bestOfN, _rewardModel, _checker, _spec])
        {
            command.Options.Add(option);
        }
    }

    /// <summary>What is asked for; null where one continuation is as good as another.</summary>
    /// <param name="parse">The command line.</param>
    /// <param name="prompt">The prompt, or null for none.</param>
    /// <param name="sampling">How continuations are drawn.</param>
    /// <param name="seed">Draws the prompt where there is none.</param>
    /// <param name="stream">Whether text is to be printed while it is made.</param>
    /// <exception cref="UserException">If the flags do not fit together; all faults are listed.</exception>
    public BestOfN? Read(ParseResult parse, string? prompt, SamplingParameters sampling, ulong seed, bool stream)
    {
        var (count, reward, checker, spec) = (parse.GetValue(_bestOfN), parse.GetValue(_rewardModel), parse.GetValue(_checker), parse.GetValue(_spec));
        var family = TaskFamilyRegistry.All.FirstOrDefault(f => f.Name == checker);
        UserFault.ThrowIfAny("best-of-n", [
            .. count is null == (reward is null && checker is null) ? (string[])[] : ["--best-of-n and --reward-model or --checker belong together: give both, or none."],
            .. reward is null || checker is null ? (string[])[] : ["--reward-model and --checker are two judges of the same continuations: leave one out."],
            .. checker is null || family is not null ? (string[])[] : [$"--checker is '{checker}'; legal values: {string.Join(", ", TaskFamilyRegistry.All.Select(f => f.Name))}."],
            .. spec is null || checker is not null ? (string[])[] : ["--spec is for --checker: leave it out."],
            .. checker is null || prompt is null == spec is null
                ? (string[])[]
                : ["--checker needs the prompt together with the facts it is judged by in --spec; without both a prompt of the family is drawn."],
            .. count is null or (>= 1 and <= MostSamples) ? (string[])[] : [$"--best-of-n is {count}; legal values are 1 to {MostSamples}."],
            .. count is null || !stream ? (string[])[] : ["--stream shows one sequence while it is made, and the best is known at the end: leave it out."],
            .. count is null || sampling.NumReturnSequences == 1 ? (string[])[] : ["--num-return-sequences is set by --best-of-n: leave it out."],
            .. count is null || sampling is { Temperature: > 0, NumBeams: 1 } ? (string[])[] : ["it needs samples: a --temperature above 0 and no --num-beams."],
        ]);
        return count is { } n ? new BestOfN(n, reward, family is null ? null : Task(family, prompt, spec, seed)) : null;
    }

    private static TaskPrompt Task(ITaskFamily family, string? prompt, string? spec, ulong seed)
    {
        if (prompt is null || spec is null)
        {
            return TaskPromptSet.Draw(family, 1, heldOut: true, seed)[0];
        }

        var task = new TaskPrompt(family.Name, prompt, spec);
        try
        {
            // Any answer shows whether the facts are those of the family.
            family.Score(task, prompt);
            return task;
        }
        catch (ArgumentException exception)
        {
            throw new UserException($"--spec: {exception.Message}");
        }
    }
}

/// <summary>The best of several continuations of a prompt.</summary>
/// <param name="Count">How many are sampled.</param>
/// <param name="RewardModel">The directory of the reward model that scores them; null for a checker.</param>
/// <param name="Task">The task whose checker scores them; null for a reward model.</param>
internal sealed record BestOfN(int Count, string? RewardModel, TaskPrompt? Task)
{
    /// <summary>Samples and scores, best first.</summary>
    public IReadOnlyList<ScoredResponse> Sample(Generator generator, Tokenizer tokenizer, int[] promptIds, SamplingParameters sampling, ulong seed, CancellationToken stop)
    {
        using var reward = Task is null ? Reward(tokenizer) : null;
        var score = reward is null ? ScoreResponsesWith.Checks(tokenizer, [(promptIds, text => Score(text).Value)]) : ScoreResponsesWith.Ensemble(reward);
        return new BestOfNSampler(generator, score).Sample([promptIds], Count, sampling, seed, stop)[0];
    }

    /// <summary>Whether a response meets every check; null without a checker.</summary>
    public bool? Passed(Tokenizer tokenizer, ScoredResponse response) => Task is null ? null : Score(tokenizer.Decode(response.Sequence.Ids, skipSpecialTokens: true)).Passed;

    /// <summary>One line about what was chosen among.</summary>
    public string Summary(Tokenizer tokenizer, IReadOnlyList<ScoredResponse> responses)
    {
        var passed = Task is null ? "" : $"; meeting every check: {responses.Count(r => Passed(tokenizer, r) == true)}";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"best of {Count}: reward {responses[0].Score:f3}, mean {responses.Average(r => r.Score):f3}{passed}; at most {BestOfNSampler.KlBound(Count):f3} nats from the policy (log n − (n − 1)/n)");
    }

    private TaskScore Score(string text) => TaskFamilyRegistry.Score(Task!, text);

    private RewardEnsemble Reward(Tokenizer tokenizer) => Tokenizer.Load(RewardModel!).Fingerprint == tokenizer.Fingerprint
        ? RewardEnsemble.Load(RewardModel!)
        : throw new UserException($"--reward-model {RewardModel} has another tokenizer than the policy: train it from the same base model.");
}
