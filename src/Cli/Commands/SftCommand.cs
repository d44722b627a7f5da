using System.CommandLine;
using Rlhf.Cli.Training;
using Trainer.Service.Algorithms.Sft;

namespace Rlhf.Cli.Commands;

/// <summary><c>rlhf sft</c>: supervised fine-tuning of a model directory on demonstrations, conversations or texts.</summary>
internal static class SftCommand
{
    public static Command Create()
    {
        var model = CommonOptions.Model();
        var dataset = new DatasetOptions("Prompts and completions, conversations, or texts; of preferences the chosen answers.");
        var lora = new LoraOptions();
        var options = new TrainingOptions<SftConfig>();
        var command = new Command("sft", "Fine-tune on demonstrations.") { model };
        dataset.AddTo(command);
        lora.AddTo(command);
        options.AddTo(command);
        command.SetAction((parse, stop) =>
        {
            var config = options.Read(parse);
            var session = options.Open(parse, "SFT", config);
            var rows = dataset.Read(parse, config.Seed);
            using var run = PolicyRun.Load(session, parse.GetRequiredValue(model), lora, parse, config);
            var encoder = new SftEncoder(config, run.Tokenizer, run.Policy.Config.MaxPositionEmbeddings, run.Template);
            var (train, test) = (encoder.Encode(rows.Train), encoder.Encode(rows.Test));
            if (train.Count == 0)
            {
                throw new UserException("--dataset: no row leaves anything to learn within --max-length; raise it, or look at --assistant-only-loss.");
            }

            session.Plan(run.Shape(rows: 1, train.Concat(test).Max(e => e.Length)));
            var trainer = new SftTrainer(config, run.Policy, train, test) { Adapter = run.Adapter, SaveAverage = run.SaveAverage, Warn = TrainingSession.Warn, Ranks = TrainingRanks.Current };
            session.Run((states, report) => trainer.Train(states, report, stop));
            run.Save();
            return Task.FromResult(0);
        });
        return command;
    }
}
