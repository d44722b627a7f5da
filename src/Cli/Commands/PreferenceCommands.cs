using System.CommandLine;
using Rlhf.Cli.Training;
using Rlhf.Datasets;
using Rlhf.Training.Batching;
using Rlhf.Training.Metrics;
using Rlhf.Training.Offline;
using Trainer.Service.Algorithms.Preference;

namespace Rlhf.Cli.Commands;

/// <summary><c>rlhf dpo</c>, <c>kto</c>, <c>orpo</c> and <c>simpo</c>: a policy from comparisons in a file, without a reward model and without sampling.</summary>
internal static class PreferenceCommands
{
    private const string Pairs = "Preferences, or rankings, of which every pair is one.";
    private const string Answers = "Answers that are good or bad; of preferences both answers.";

    private delegate IReadOnlyList<TrainingProgress> Start(string states, Action<TrainingProgress> report, CancellationToken stop);

    public static Command Dpo() => Create<DpoConfig, PreferenceExample>(
        "dpo",
        "Train on comparisons with DPO, IPO, cDPO and their relatives (loss_type in --config).",
        Pairs,
        DatasetType.Preference,
        EncodePair,
        Longest,
        (config, run, training, heldOut) => new DpoTrainer(config, run.Policy, training, heldOut) { Adapter = run.Adapter, SaveAverage = run.SaveAverage, Warn = TrainingSession.Warn, Ranks = TrainingRanks.Current }.Train);

    public static Command Kto() => Create<KtoConfig, UnpairedExample>(
        "kto",
        "Train on single answers that are good or bad with KTO.",
        Answers,
        DatasetType.UnpairedPreference,
        EncodeAnswer,
        example => example.Prompt.Length + example.Completion.Length,
        (config, run, training, heldOut) => new KtoTrainer(config, run.Policy, training, heldOut) { Adapter = run.Adapter, SaveAverage = run.SaveAverage, Warn = TrainingSession.Warn, Ranks = TrainingRanks.Current }.Train);

    public static Command Orpo() => Create<OrpoConfig, PreferenceExample>(
        "orpo",
        "Fine-tune and prefer in one stage with ORPO.",
        Pairs,
        DatasetType.Preference,
        EncodePair,
        Longest,
        (config, run, training, heldOut) => new OrpoTrainer(config, run.Policy, training, heldOut) { Adapter = run.Adapter, SaveAverage = run.SaveAverage, Warn = TrainingSession.Warn, Ranks = TrainingRanks.Current }.Train);

    public static Command Simpo() => Create<SimpoConfig, PreferenceExample>(
        "simpo",
        "Train on comparisons without a reference with SimPO or CPO.",
        Pairs,
        DatasetType.Preference,
        EncodePair,
        Longest,
        (config, run, training, heldOut) => new SimpoTrainer(config, run.Policy, training, heldOut) { Adapter = run.Adapter, SaveAverage = run.SaveAverage, Warn = TrainingSession.Warn, Ranks = TrainingRanks.Current }.Train);

    private static Command Create<TConfig, TExample>(
        string name,
        string description,
        string rows,
        DatasetType type,
        Func<DatasetRow, DialogueEncoder, TExample> encode,
        Func<TExample, int> length,
        Func<TConfig, PolicyRun, IReadOnlyList<TExample>, IReadOnlyList<TExample>, Start> trainer)
        where TConfig : OfflineTrainingConfig, new()
    {
        var model = CommonOptions.Model();
        var dataset = new DatasetOptions(rows);
        var lora = new LoraOptions();
        var options = new TrainingOptions<TConfig>();
        var command = new Command(name, description) { model };
        dataset.AddTo(command);
        lora.AddTo(command);
        options.AddTo(command);
        command.SetAction((parse, stop) =>
        {
            var config = options.Read(parse);
            var session = options.Open(parse, name.ToUpperInvariant(), config);
            using var run = PolicyRun.Load(session, parse.GetRequiredValue(model), lora, parse, config);
            var (training, heldOut) = dataset.Read(parse, config.Seed, type);
            var examples = DatasetOptions.Encode(training.Concat(heldOut), row => encode(row, run.Encoder));

            // A pair has two rows; for a single answer the second is the mismatched one of KTO's reference point.
            session.Plan(run.Shape(rows: 2, examples.Max(length)));
            var start = trainer(config, run, examples[..training.Count], examples[training.Count..]);
            session.Run((states, report) => start(states, report, stop));
            run.Save();
            return Task.FromResult(0);
        });
        return command;
    }

    private static int Longest(PreferenceExample example) => example.Prompt.Length + Math.Max(example.Chosen.Length, example.Rejected.Length);

    private static PreferenceExample EncodePair(DatasetRow row, DialogueEncoder encoder)
    {
        var (chosenPrompt, chosen) = encoder.EncodePair(row.Prompt!, row.Completions[0]);
        var (rejectedPrompt, rejected) = encoder.EncodePair(row.Prompt!, row.Completions[1]);
        return new PreferenceExample(chosenPrompt.Length < rejectedPrompt.Length ? chosenPrompt : rejectedPrompt, chosen, rejected);
    }

    private static UnpairedExample EncodeAnswer(DatasetRow row, DialogueEncoder encoder)
    {
        var (prompt, completion) = encoder.EncodePair(row.Prompt!, row.Completions[0]);
        return new UnpairedExample(prompt, completion, row.Labels[0]);
    }
}
