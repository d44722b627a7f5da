using System.CommandLine;
using Rlhf.Cli.Training;
using Rlhf.Training.Batching;
using Rlhf.Training.Metrics;
using Rlhf.Training.Offline;
using Trainer.Service.Algorithms.Preference;

namespace Rlhf.Cli.Commands;

/// <summary><c>rlhf dpo</c>, <c>kto</c>, <c>orpo</c> and <c>simpo</c>: a policy from comparisons in a file, without a reward model and without sampling.</summary>
internal static class PreferenceCommands
{
    private const string Answers = "JSONL rows with \"prompt\", \"completion\" and \"label\" (true: desirable).";

    private delegate IReadOnlyList<TrainingProgress> Start(string states, Action<TrainingProgress> report, CancellationToken stop);

    public static Command Dpo() => Create<DpoConfig, PreferenceExample>(
        "dpo",
        "Train on comparisons with DPO, IPO, cDPO and their relatives (loss_type in --config).",
        PreferenceFiles.Description,
        ReadPairs,
        Longest,
        (config, run, training, heldOut) => new DpoTrainer(config, run.Policy, training, heldOut) { Adapter = run.Adapter, SaveAverage = run.SaveAverage, Warn = TrainingSession.Warn, Ranks = TrainingRanks.Current }.Train);

    public static Command Kto() => Create<KtoConfig, UnpairedExample>(
        "kto",
        "Train on single answers that are good or bad with KTO.",
        Answers,
        ReadAnswers,
        example => example.Prompt.Length + example.Completion.Length,
        (config, run, training, heldOut) => new KtoTrainer(config, run.Policy, training, heldOut) { Adapter = run.Adapter, SaveAverage = run.SaveAverage, Warn = TrainingSession.Warn, Ranks = TrainingRanks.Current }.Train);

    public static Command Orpo() => Create<OrpoConfig, PreferenceExample>(
        "orpo",
        "Fine-tune and prefer in one stage with ORPO.",
        PreferenceFiles.Description,
        ReadPairs,
        Longest,
        (config, run, training, heldOut) => new OrpoTrainer(config, run.Policy, training, heldOut) { Adapter = run.Adapter, SaveAverage = run.SaveAverage, Warn = TrainingSession.Warn, Ranks = TrainingRanks.Current }.Train);

    public static Command Simpo() => Create<SimpoConfig, PreferenceExample>(
        "simpo",
        "Train on comparisons without a reference with SimPO or CPO.",
        PreferenceFiles.Description,
        ReadPairs,
        Longest,
        (config, run, training, heldOut) => new SimpoTrainer(config, run.Policy, training, heldOut) { Adapter = run.Adapter, SaveAverage = run.SaveAverage, Warn = TrainingSession.Warn, Ranks = TrainingRanks.Current }.Train);

    private static Command Create<TConfig, TExample>(
        string name,
        string description,
        string rows,
        Func<string, DialogueEncoder, IReadOnlyList<TExample>> read,
        Func<TExample, int> length,
        Func<TConfig, PolicyRun, IReadOnlyList<TExample>, IReadOnlyList<TExample>, Start> trainer)
        where TConfig : OfflineTrainingConfig, new()
    {
        var model = CommonOptions.Model();
        var dataset = new Option<string>("--dataset") { Description = rows, Required = true };
        var trainSize = new Option<int?>("--train-size") { Description = "The first so many rows are for training, the rest for evaluation; default: nine tenths." };
        var lora = new LoraOptions();
        var options = new TrainingOptions<TConfig>();
        var command = new Command(name, description) { model, dataset, trainSize };
        lora.AddTo(command);
        options.AddTo(command);
        command.SetAction((parse, stop) =>
        {
            var config = options.Read(parse);
            var session = options.Open(parse, name.ToUpperInvariant(), config);
            using var run = PolicyRun.Load(session, parse.GetRequiredValue(model), lora, parse, config);
            var examples = read(parse.GetRequiredValue(dataset), run.Encoder);
            var split = parse.GetValue(trainSize) ?? Math.Max(1, examples.Count * 9 / 10);
            UserFault.ThrowIfAny(name, split >= 1 && split <= examples.Count ? [] : [$"--train-size is {split}; legal values are 1 to {examples.Count}."]);

            // A pair has two rows; for a single answer the second is the mismatched one of KTO's reference point.
            session.Plan(run.Shape(rows: 2, examples.Max(length)));
            var start = trainer(config, run, [.. examples.Take(split)], [.. examples.Skip(split)]);
            session.Run((states, report) => start(states, report, stop));
            run.Save();
            return Task.FromResult(0);
        });
        return command;
    }

    private static int Longest(PreferenceExample example) => example.Prompt.Length + Math.Max(example.Chosen.Length, example.Rejected.Length);

    private static PreferenceExample[] ReadPairs(string path, DialogueEncoder encoder)
    {
        return [.. PreferenceFiles.Read(path).Select(pair =>
        {
            var (chosenPrompt, chosen) = encoder.EncodePair(pair.Prompt, pair.Chosen);
            var (rejectedPrompt, rejected) = encoder.EncodePair(pair.Prompt, pair.Rejected);
            return new PreferenceExample(chosenPrompt.Length < rejectedPrompt.Length ? chosenPrompt : rejectedPrompt, chosen, rejected);
        })];
    }

    private static UnpairedExample[] ReadAnswers(string path, DialogueEncoder encoder)
    {
        var rows = OfflineTraining.Rows(path, "prompt", "completion", "label");
        UserFault.ThrowIfAny("kto", [.. rows.Where(r => r["label"] is not ("true" or "false")).Take(20).Select(r => $"{path}: label is '{r["label"]}'; legal values: true, false.")]);
        return [.. rows.Select(row =>
        {
            var (prompt, completion) = encoder.EncodePair(row["prompt"], row["completion"]);
            return new UnpairedExample(prompt, completion, row["label"] == "true");
        })];
    }
}
