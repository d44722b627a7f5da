using System.CommandLine;
using Rlhf.Modeling.Adapters;
using Rlhf.Modeling.Checkpoints;
using Rlhf.Modeling.Tokenization;
using Rlhf.Modeling.Transformer;
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
        (config, model, training, heldOut, adapter) => new DpoTrainer(config, model, training, heldOut) { Adapter = adapter, Warn = Warn }.Train);

    public static Command Kto() => Create<KtoConfig, UnpairedExample>(
        "kto",
        "Train on single answers that are good or bad with KTO.",
        Answers,
        ReadAnswers,
        (config, model, training, heldOut, adapter) => new KtoTrainer(config, model, training, heldOut) { Adapter = adapter, Warn = Warn }.Train);

    public static Command Orpo() => Create<OrpoConfig, PreferenceExample>(
        "orpo",
        "Fine-tune and prefer in one stage with ORPO.",
        PreferenceFiles.Description,
        ReadPairs,
        (config, model, training, heldOut, adapter) => new OrpoTrainer(config, model, training, heldOut) { Adapter = adapter, Warn = Warn }.Train);

    public static Command Simpo() => Create<SimpoConfig, PreferenceExample>(
        "simpo",
        "Train on comparisons without a reference with SimPO or CPO.",
        PreferenceFiles.Description,
        ReadPairs,
        (config, model, training, heldOut, adapter) => new SimpoTrainer(config, model, training, heldOut) { Adapter = adapter, Warn = Warn }.Train);

    private static Command Create<TConfig, TExample>(
        string name,
        string description,
        string rows,
        Func<string, DialogueEncoder, IReadOnlyList<TExample>> read,
        Func<TConfig, CausalLanguageModel, IReadOnlyList<TExample>, IReadOnlyList<TExample>, LoraAdapter?, Start> trainer)
        where TConfig : OfflineTrainingConfig, new()
    {
        var model = CommonOptions.Model();
        var dataset = new Option<string>("--dataset") { Description = rows, Required = true };
        var trainSize = new Option<int?>("--train-size") { Description = "The first so many rows are for training, the rest for evaluation; default: nine tenths." };
        var config = CommonOptions.Config();
        var output = CommonOptions.Output();
        var lora = new LoraOptions();
        var command = new Command(name, description) { model, dataset, trainSize, config, output };
        lora.AddTo(command);
        command.SetAction((parse, stop) =>
        {
            var settings = OfflineTraining.Config<TConfig>(parse.GetValue(config));
            var directory = parse.GetRequiredValue(model);
            var tokenizer = Tokenizer.Load(directory);
            using var policy = PretrainedModel.LoadCausal(directory);
            var examples = read(parse.GetRequiredValue(dataset), new DialogueEncoder(tokenizer, policy.Config.MaxPositionEmbeddings));
            var split = parse.GetValue(trainSize) ?? Math.Max(1, examples.Count * 9 / 10);
            UserFault.ThrowIfAny(name, split >= 1 && split <= examples.Count ? [] : [$"--train-size is {split}; legal values are 1 to {examples.Count}."]);
            var adapter = lora.Attach(parse, policy, settings.Seed);
            var target = parse.GetRequiredValue(output);
            var start = trainer(settings, policy, [.. examples.Take(split)], [.. examples.Skip(split)], adapter);
            OfflineTraining.Run(name.ToUpperInvariant(), report => start(target.TrimEnd('/') + ".state", report, stop));
            adapter?.MergeAndDetach();
            PretrainedModel.Save(policy, tokenizer, target);
            Console.WriteLine($"written: {target}");
            return Task.FromResult(0);
        });
        return command;
    }

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

    private static void Warn(string message) => Console.Error.WriteLine("warning: " + message);
}
