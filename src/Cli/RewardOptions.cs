using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using RewardModel.Service.Training;
using Rlhf.Datasets;
using Rlhf.Modeling.Tokenization;
using Rlhf.TaskFamilies;
using Rlhf.Training.Batching;
using Rlhf.Training.Evaluation;
using Rlhf.Training.Memory;
using TorchSharp;
using Trainer.Service.Algorithms.Common;
using static TorchSharp.torch;

namespace Rlhf.Cli;

/// <summary>The flags that say which prompts a policy answers and what its answers are worth.</summary>
internal sealed class RewardOptions
{
    private const string TaskChecker = "task-checker";

    private readonly Option<string?> _rewardModel = new("--reward-model") { Description = "A reward-model directory, as rlhf reward writes it; of an ensemble, its mean less the uncertainty penalty." };
    private readonly Option<string[]> _rewardFuncs = new("--reward-funcs")
    {
        Description = "Functions that check answers: task-checker, for prompts of the task families.",
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<double[]> _rewardWeights = new("--reward-weights")
    {
        Description = "What the reward model and then each function count, in this order; default: 1 each.",
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<double?> _gate = new("--reward-accuracy-gate")
    {
        Description = "Do not start with a reward model whose held-out accuracy (calibration.json) is below this.",
    };

    public RewardOptions() => _rewardFuncs.AcceptOnlyFromAmong(TaskChecker);

    /// <summary>Adds the flags to a command.</summary>
    public void AddTo(Command command)
    {
        command.Options.Add(_rewardModel);
        command.Options.Add(_rewardFuncs);
        command.Options.Add(_rewardWeights);
        command.Options.Add(_gate);
    }

    /// <summary>The directory of the reward model; null without one.</summary>
    public string? RewardModel(ParseResult parse) => parse.GetValue(_rewardModel);

    /// <summary>What the flags say answers are worth. The model is loaded; dispose of the result.</summary>
    /// <param name="parse">The command line.</param>
    /// <param name="tokenizer">The policy's tokenizer.</param>
    /// <exception cref="UserException">If nothing is given, or what is given does not fit.</exception>
    public Reward Load(ParseResult parse, Tokenizer tokenizer)
    {
        var (directory, funcs, weights) = (RewardModel(parse), parse.GetValue(_rewardFuncs) ?? [], parse.GetValue(_rewardWeights) ?? []);
        var parts = (directory is null ? 0 : 1) + funcs.Length;
        UserFault.ThrowIfAny("reward", [
            .. parts > 0 ? (string[])[] : ["give --reward-model, --reward-funcs, or both."],
            .. weights.Length == 0 || weights.Length == parts ? (string[])[] : [$"--reward-weights has {weights.Length} numbers for {parts} rewards."],
            .. weights.All(double.IsFinite) ? (string[])[] : ["--reward-weights must be finite."],
        ]);
        if (directory is null)
        {
            return new Reward(null, tokenizer, funcs, weights);
        }

        // Scores are computed on the policy's token ids: another tokenizer would give other texts.
        if (Tokenizer.Load(directory).Fingerprint != tokenizer.Fingerprint)
        {
            throw new UserException($"--reward-model {directory} has another tokenizer than the policy: train it from the same base model.");
        }

        if (parse.GetValue(_gate) is { } gate)
        {
            RequireAccuracy(directory, gate);
        }

        return new Reward(RewardEnsemble.Load(directory), tokenizer, funcs, weights);
    }

    private static void RequireAccuracy(string directory, double gate)
    {
        var path = Path.Combine(directory, RewardModelResult.CalibrationFile);
        if (!File.Exists(path))
        {
            throw new UserException($"--reward-accuracy-gate: {path} is missing: the reward model was trained without held-out comparisons, so nobody knows its accuracy.");
        }

        using var document = JsonDocument.Parse(File.ReadAllBytes(path));
        if (!document.RootElement.TryGetProperty("accuracy", out var value) || value.ValueKind != JsonValueKind.Number)
        {
            throw new UserException($"{path}: has no number \"accuracy\".");
        }

        if (value.GetDouble() < gate)
        {
            throw new UserException(string.Create(
                CultureInfo.InvariantCulture,
                $"reward-model accuracy {value.GetDouble():P1} on held-out comparisons is below the gate {gate:P1}: more comparisons are needed."));
        }
    }
}

/// <summary>What answers are worth.</summary>
internal sealed class Reward(RewardEnsemble? model, Tokenizer tokenizer, string[] funcs, double[] weights) : IDisposable
{
    /// <summary>Parameters of the reward model; 0 without one.</summary>
    public long Size => model?.Members.Sum(m => MemoryPlanner.Count(m)) ?? 0;

    /// <summary>The score of responses to some prompts.</summary>
    public ScoreResponses For(OnlinePrompts prompts)
    {
        var parts = new List<ScoreResponses>();
        if (model is not null)
        {
            parts.Add(ScoreResponsesWith.Ensemble(model));
        }

        parts.AddRange(funcs.Select(_ => Checks(prompts)));
        return parts.Count == 1 && weights.Length == 0
            ? parts[0]
            : ScoreResponsesWith.WeightedSum([.. parts.Select((part, i) => (part, weights.Length == 0 ? 1 : weights[i]))]);
    }

    /// <summary>What is measured on held-out prompts: their checker where they have one, which the policy cannot please by fooling the reward model.</summary>
    public HeldOutScore HeldOut(OnlinePrompts prompts) => new(prompts.Ids, prompts.AreTasks ? Checks(prompts) : For(prompts));

    public void Dispose() => model?.Dispose();

    private ScoreResponses Checks(OnlinePrompts prompts) => ScoreResponsesWith.Checks(
        tokenizer,
        prompts.Tasks.Select((task, i) => (prompts.Ids[i], (Func<string, double>)(text => TaskFamilyRegistry.Score(
            task ?? throw new UserException($"task-checker: prompt {i + 1} names no task; its row needs \"family\" and \"spec\"."), text).Value))));
}

/// <summary>Prompts of an online run as tokens, with the tasks they state where they come from a task family.</summary>
internal sealed record OnlinePrompts(IReadOnlyList<int[]> Ids, IReadOnlyList<TaskPrompt?> Tasks)
{
    private const int TrainingPrompts = 1000;
    private const int HeldOutPrompts = 64;

    /// <summary>What the option that takes such a file says about it.</summary>
    public const string Description =
        "A file whose rows have prompts, in any known format (docs/guides/data-formats.md); for task-checker also \"family\" and \"spec\", the facts of the task as JSON text. Default: prompts of the task families.";

    /// <summary>Whether every prompt states a task.</summary>
    public bool AreTasks => Tasks.All(t => t is not null);

    /// <summary>The prompts of a file, or of the task families.</summary>
    /// <param name="path">The file; null for the task families.</param>
    /// <param name="format">Its format; null: recognised by its columns.</param>
    /// <param name="encoder">The layout.</param>
    /// <param name="maxNewTokens">Room for the answer.</param>
    /// <param name="heldOut">Which part of the task families.</param>
    public static OnlinePrompts Read(string? path, string? format, DialogueEncoder encoder, int maxNewTokens, bool heldOut = false)
    {
        if (path is null)
        {
            var tasks = DemoProject.Prompts(heldOut ? HeldOutPrompts : TrainingPrompts, heldOut);
            return new OnlinePrompts([.. tasks.Select(t => encoder.EncodePrompt(t.Text, maxNewTokens))], tasks);
        }

        var rows = DatasetOptions.Read(path, format).ToAll(path, DatasetType.PromptOnly);
        return new OnlinePrompts(DatasetOptions.Encode(rows, row => encoder.EncodePrompt(row.Prompt!, maxNewTokens)), [.. rows.Select(Task)]);
    }

    private static TaskPrompt? Task(DatasetRow row) =>
        Text(row, "family") is { } family && Text(row, "spec") is { } spec ? new TaskPrompt(family, row.Prompt!.AsText(), spec) : null;

    private static string? Text(DatasetRow row, string column) => row.Extra[column] is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;
}
