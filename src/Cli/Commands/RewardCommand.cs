using System.CommandLine;
using RewardModel.Service.Training;
using Rlhf.Cli.Training;
using Rlhf.Modeling.Checkpoints;
using Rlhf.Modeling.Heads;
using Rlhf.Modeling.Tokenization;
using Rlhf.Numerics;
using Rlhf.Training.Batching;
using Rlhf.Training.Memory;
using TorchSharp;

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
        var options = new TrainingOptions<RewardModelConfig>();
        var command = new Command("reward", "Train a reward model on comparisons.") { model, dataset, trainSize };
        options.AddTo(command);
        command.SetAction((parse, stop) =>
        {
            var config = options.Read(parse);
            UserFault.ThrowIfAny("reward", TrainingRanks.Current.Size == 1 ? [] : ["a reward model is trained in one process."]);
            var session = options.Open(parse, "reward model", config);
            var pairs = PreferenceFiles.Read(parse.GetRequiredValue(dataset));
            var split = parse.GetValue(trainSize) ?? Math.Max(1, pairs.Count * 9 / 10);
            UserFault.ThrowIfAny("reward", split >= 1 && split <= pairs.Count ? [] : [$"--train-size is {split}; legal values are 1 to {pairs.Count}."]);
            var directory = parse.GetRequiredValue(model);
            var tokenizer = Tokenizer.Load(directory);
            using var backbone = PretrainedModel.LoadCausal(directory);
            using var reward = ScalarHeadModel.FromCausal(backbone, new Philox(config.Seed, HeadStream));
            reward.to(session.Device);
            var encoder = new DialogueEncoder(tokenizer, backbone.Config.MaxPositionEmbeddings);
            var encoded = pairs.Select(p => PreferencePairs.Encode(encoder, p.Prompt, p.Chosen, p.Rejected)).ToArray();
            var size = MemoryPlanner.Count(reward);
            session.Plan(new RunShape
            {
                Model = reward.Config,
                Parameters = size,
                Trainable = size,
                Averaged = size,
                Frozen = MemoryPlanner.Count(backbone),
                Rows = 2,
                Tokens = encoded.Max(p => p.Prompt.Length + Math.Max(p.Chosen.Length, p.Rejected.Length)),
            });
            var trainer = new RewardModelTrainer(config, reward, encoded[..split], encoded[split..])
            {
                SaveAverage = () => PretrainedModel.Save(reward, tokenizer, session.AverageOutput), Warn = TrainingSession.Warn,
            };
            session.Run((states, report) => trainer.Train(states, report, stop));
            PretrainedModel.Save(reward, tokenizer, session.Output);
            session.Written();
            return Task.FromResult(0);
        });
        return command;
    }
}
