using System.CommandLine;
using Rlhf.Cli.Training;
using Trainer.Service.Algorithms.Sft;

namespace Rlhf.Cli.Commands;

/// <summary><c>rlhf sft</c>: supervised fine-tuning of a model directory on prompts and completions.</summary>
internal static class SftCommand
{
    public static Command Create()
    {
        var model = CommonOptions.Model();
        var dataset = new Option<string>("--dataset") { Description = "JSONL rows with \"prompt\" and \"completion\".", Required = true };
        var lora = new LoraOptions();
        var options = new TrainingOptions<SftConfig>();
        var command = new Command("sft", "Fine-tune on demonstrations.") { model, dataset };
        lora.AddTo(command);
        options.AddTo(command);
        command.SetAction((parse, stop) =>
        {
            var config = options.Read(parse);
            var session = options.Open(parse, "SFT", config);
            using var run = PolicyRun.Load(session, parse.GetRequiredValue(model), lora, parse, config);
            var examples = OfflineTraining.Rows(parse.GetRequiredValue(dataset), "prompt", "completion")
                .Select(row => run.Encoder.EncodePair(row["prompt"], row["completion"]))
                .Select(pair => new SftExample(pair.Prompt, pair.Answer))
                .ToArray();
            session.Plan(run.Shape(rows: 1, examples.Max(e => e.Prompt.Length + e.Completion.Length)));
            var trainer = new SftTrainer(config, run.Policy, examples) { Adapter = run.Adapter, SaveAverage = run.SaveAverage, Warn = TrainingSession.Warn, Ranks = TrainingRanks.Current };
            session.Run((states, report) => trainer.Train(states, report, stop));
            run.Save();
            return Task.FromResult(0);
        });
        return command;
    }
}
