using System.CommandLine;
using Rlhf.Modeling.Checkpoints;
using Rlhf.Modeling.Tokenization;
using Rlhf.Training.Batching;
using Trainer.Service.Algorithms.Sft;

namespace Rlhf.Cli.Commands;

/// <summary><c>rlhf sft</c>: supervised fine-tuning of a model directory on prompts and completions.</summary>
internal static class SftCommand
{
    public static Command Create()
    {
        var model = CommonOptions.Model();
        var dataset = new Option<string>("--dataset") { Description = "JSONL rows with \"prompt\" and \"completion\".", Required = true };
        var config = CommonOptions.Config();
        var output = CommonOptions.Output();
        var command = new Command("sft", "Fine-tune on demonstrations.") { model, dataset, config, output };
        command.SetAction((parse, stop) =>
        {
            var settings = OfflineTraining.Config<SftConfig>(parse.GetValue(config));
            var directory = parse.GetRequiredValue(model);
            var tokenizer = Tokenizer.Load(directory);
            using var policy = PretrainedModel.LoadCausal(directory);
            var encoder = new DialogueEncoder(tokenizer, policy.Config.MaxPositionEmbeddings);
            var examples = OfflineTraining.Rows(parse.GetRequiredValue(dataset), "prompt", "completion")
                .Select(row => encoder.EncodePair(row["prompt"], row["completion"]))
                .Select(pair => new SftExample(pair.Prompt, pair.Answer))
                .ToArray();
            var target = parse.GetRequiredValue(output);
            var trainer = new SftTrainer(settings, policy, examples);
            OfflineTraining.Run("SFT", report => trainer.Train(target.TrimEnd('/') + ".state", report, stop));
            PretrainedModel.Save(policy, tokenizer, target);
            Console.WriteLine($"written: {target}");
            return Task.FromResult(0);
        });
        return command;
    }
}
