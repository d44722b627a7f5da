using System.CommandLine;
using RewardModel.Service.Training;
using Rlhf.Modeling.Checkpoints;
using Rlhf.Modeling.Heads;
using Rlhf.Modeling.Tokenization;
using Rlhf.Numerics;
using Rlhf.Training.Batching;

namespace Rlhf.Cli.Commands;

/// <summary><c>rlhf reward</c>: trains a reward model from comparisons in a file.</summary>
internal static class RewardCommand
{
    private const ulong HeadStream = 1UL << 59;

    public static Command Create()
    {
        var model = CommonOptions.Model();
        var dataset = new Option<string>("--dataset") { Description = PreferenceFiles.Description, Required = true };
        var trainSize = new Option<int?>("--train-size") { Description = "The first so many comparisons are for training; default: nine tenths." };
        var config = CommonOptions.Config();
        var output = CommonOptions.Output();
        var command = new Command("reward", "Train a reward model on comparisons.") { model, dataset, trainSize, config, output };
        command.SetAction((parse, stop) =>
        {
            var settings = OfflineTraining.Config<RewardModelConfig>(parse.GetValue(config));
            var pairs = PreferenceFiles.Read(parse.GetRequiredValue(dataset));
            var split = parse.GetValue(trainSize) ?? Math.Max(1, pairs.Count * 9 / 10);
            UserFault.ThrowIfAny("reward", split >= 1 && split <= pairs.Count ? [] : [$"--train-size is {split}; legal values are 1 to {pairs.Count}."]);
            var directory = parse.GetRequiredValue(model);
            var tokenizer = Tokenizer.Load(directory);
            using var backbone = PretrainedModel.LoadCausal(directory);
            using var reward = ScalarHeadModel.FromCausal(backbone, new Philox(settings.Seed, HeadStream));
            var encoder = new DialogueEncoder(tokenizer, backbone.Config.MaxPositionEmbeddings);
            var encoded = pairs.Select(p => PreferencePairs.Encode(encoder, p.Prompt, p.Chosen, p.Rejected)).ToArray();
            var trainer = new RewardModelTrainer(settings, reward, encoded[..split], encoded[split..]);
            var target = parse.GetRequiredValue(output);
            OfflineTraining.Run("reward model", report => trainer.Train(target.TrimEnd('/') + ".state", report, stop));
            PretrainedModel.Save(reward, tokenizer, target);
            Console.WriteLine($"written: {target}");
            return Task.FromResult(0);
        });
        return command;
    }
}
