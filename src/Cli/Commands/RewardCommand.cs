using System.CommandLine;
using RewardModel.Service.Training;
using Rlhf.Cli.Training;
using Rlhf.Datasets;
using Rlhf.Modeling.Checkpoints;
using Rlhf.Modeling.Heads;
using Rlhf.Modeling.Tokenization;
using Rlhf.Numerics;
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
        var dataset = new DatasetOptions("Preferences, or rankings, of which every pair is one.");
        var options = new TrainingOptions<RewardModelConfig>();
        var command = new Command("reward", "Train a reward model on comparisons.") { model };
        dataset.AddTo(command);
        options.AddTo(command);
        command.SetAction((parse, stop) =>
        {
            var config = options.Read(parse);
            var session = options.Open(parse, "reward model", config);
            var (training, heldOut) = dataset.Read(parse, config.Seed, DatasetType.Preference);
            var directory = parse.GetRequiredValue(model);
            var tokenizer = Tokenizer.Load(directory);
            using var backbone = PretrainedModel.LoadCausal(directory);
            using var reward = ScalarHeadModel.FromCausal(backbone, new Philox(config.Seed, HeadStream));
            reward.to(session.Device);
            var encoder = DatasetOptions.Encoder(directory, tokenizer, backbone.Config.MaxPositionEmbeddings);
            var encoded = training.Concat(heldOut).Select(row => PreferencePairs.Encode(encoder, row)).ToArray();
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
            var trainer = new RewardModelTrainer(config, reward, encoded[..training.Count], encoded[training.Count..])
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
