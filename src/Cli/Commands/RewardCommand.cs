using System.CommandLine;
using System.Globalization;
using RewardModel.Service.Training;
using Rlhf.Cli.Training;
using Rlhf.Datasets;
using Rlhf.Modeling.Adapters;
using Rlhf.Modeling.Checkpoints;
using Rlhf.Modeling.Heads;
using Rlhf.Modeling.Tokenization;
using Rlhf.Training.Batching;
using Rlhf.Training.Memory;
using Spectre.Console;
using TorchSharp;

namespace Rlhf.Cli.Commands;

/// <summary><c>rlhf reward</c>: trains a reward model, or an ensemble, from comparisons or rankings in a file.</summary>
internal static class RewardCommand
{
    public static Command Create()
    {
        var model = CommonOptions.Model();
        var dataset = new DatasetOptions("Preferences or rankings; the columns agreement (share of annotators who gave the label) and annotators count.");
        var lora = new LoraOptions();
        var options = new TrainingOptions<RewardModelConfig>();
        var command = new Command("reward", "Train a reward model, or an ensemble, on comparisons or rankings.") { model };
        dataset.AddTo(command);
        lora.AddTo(command);
        options.AddTo(command);
        command.SetAction((parse, stop) =>
        {
            var config = options.Read(parse);
            var session = options.Open(parse, "reward model", config);
            var (train, heldOut) = dataset.Read(parse, config.Seed, DatasetType.Preference, DatasetType.Ranking);
            var directory = parse.GetRequiredValue(model);
            var tokenizer = Tokenizer.Load(directory);
            using var backbone = PretrainedModel.LoadCausal(directory);
            var encoder = DatasetOptions.Encoder(directory, tokenizer, backbone.Config.MaxPositionEmbeddings);
            var encoded = DatasetOptions.Encode(train.Concat(heldOut), row => RankedCompletionsEncoding.Encode(encoder, row));
            var (rankings, tests) = (encoded[..train.Count], encoded[train.Count..]);
            var trainable = new List<long>();
            using var training = Training(() => new RewardModelTraining(config, backbone, rankings, tests, adapt: Adapt, ranks: TrainingRanks.Current)
            {
                SaveAverage = (member, adapter) => TrainingRanks.OnRankZero(() => LoraOptions.SaveMerged(adapter, () => PretrainedModel.Save(member, tokenizer, session.AverageOutput))),
                Warn = TrainingSession.Warn,
            });
            var size = MemoryPlanner.Count(training.Ensemble.Members[0]);
            session.Plan(new RunShape
            {
                Model = backbone.Config,
                Parameters = size,
                Trainable = trainable[0],
                Averaged = trainable[0],
                Frozen = MemoryPlanner.Count(backbone) + (size * (config.Ensemble - 1)),
                Rows = rankings.Concat(tests).Max(r => r.Completions.Length),
                Tokens = rankings.Concat(tests).Max(r => r.Prompt.Length + r.Completions.Max(c => c.Length)),
            });
            RewardModelResult? result = null;
            session.Run((states, report) => result = training.Train(states, report, stop));
            TrainingRanks.OnRankZero(() =>
            {
                PretrainedEnsemble.Save(training.Ensemble.Members, config.UncertaintyPenalty, tokenizer, session.Output, result!.Files());
                Show(result);
                session.Written();
            });
            return Task.FromResult(0);

            LoraAdapter? Adapt(ScalarHeadModel member, ulong seed)
            {
                var adapter = lora.Attach(parse, member, seed);
                trainable.Add(adapter?.NamedParameters().Sum(p => p.Parameter.numel()) ?? MemoryPlanner.Count(member));
                return adapter;
            }
        });
        return command;
    }

    private static RewardModelTraining Training(Func<RewardModelTraining> create)
    {
        try
        {
            return create();
        }
        catch (ArgumentException exception) when (exception.ParamName == "rankings")
        {
            throw new UserException(exception.Message);
        }
    }

    private static void Show(RewardModelResult result)
    {
        if (result.Calibration is not { } calibration)
        {
            return;
        }

        var (accuracy, human) = (result.HeldOut.Accuracy, result.HeldOut.HumanAgreement);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"held out: accuracy {accuracy.Value:P1} [{accuracy.Low:P1}, {accuracy.High:P1}] on {result.HeldOut.Decided} comparisons; people agree with each other on {(human is { } share ? share.ToString("P1", CultureInfo.InvariantCulture) : "unknown: no row has agreement and annotators")}"));
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"calibration: temperature {calibration.Temperature:f2}, expected calibration error {calibration.Before.Ece:f3} → {calibration.After.Ece:f3}, NLL {calibration.Before.Nll:f3} → {calibration.After.Nll:f3}"));
        var table = new Table().RoundedBorder().AddColumn("probability").AddColumn("comparisons").AddColumn("model says").AddColumn("people agree");
        foreach (var bin in calibration.Before.Bins)
        {
            table.AddRow(
                string.Create(CultureInfo.InvariantCulture, $"{bin.Low:f1}–{bin.High:f1}"),
                bin.Count.ToString(CultureInfo.InvariantCulture),
                bin.MeanProbability.ToString("f3", CultureInfo.InvariantCulture),
                bin.Accuracy.ToString("f3", CultureInfo.InvariantCulture));
        }

        AnsiConsole.Write(table);
    }
}
