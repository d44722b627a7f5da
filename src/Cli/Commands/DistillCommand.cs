using System.CommandLine;
using Rlhf.Cli.Training;
using Rlhf.Modeling.Checkpoints;
using Rlhf.Modeling.Tokenization;
using Rlhf.Modeling.Transformer;
using Rlhf.Numerics;
using Rlhf.Training.Batching;
using Rlhf.Training.Memory;
using TorchSharp;
using Trainer.Service.Algorithms.Distillation;
using Trainer.Service.Algorithms.Sft;

namespace Rlhf.Cli.Commands;

/// <summary><c>rlhf distill</c>: a small student learns from a larger teacher.</summary>
internal static class DistillCommand
{
    private const ulong InitialWeights = 1UL << 57;

    public static Command Create()
    {
        var teacher = new Option<string>("--teacher", "--teacher-model") { Description = "The teacher's model directory.", Required = true };
        var student = new Option<string>("--student") { Description = "The student: a model directory, or a config.json for a new one with random weights.", Required = true };
        var dataset = new Option<string>("--dataset") { Description = "JSONL rows with \"prompt\" and \"completion\"; without completions for --seq-kd and --lmbda 1.", Required = true };
        var trainSize = new Option<int?>("--train-size") { Description = "The first so many rows are for training, the rest for evaluation; default: all." };
        var options = new TrainingOptions<DistillationConfig>();
        var command = new Command("distill", "Train a small model on a larger one's distributions or answers.") { teacher, student, dataset, trainSize };
        options.AddTo(command);
        command.SetAction((parse, stop) =>
        {
            var config = options.Read(parse);
            var session = options.Open(parse, "distillation", config);
            var tokenizer = Tokenizer.Load(parse.GetRequiredValue(teacher));
            using var teacherModel = PretrainedModel.LoadCausal(parse.GetRequiredValue(teacher));
            using var studentModel = Student(parse.GetRequiredValue(student), tokenizer, config.Seed);
            teacherModel.to(session.Device);
            studentModel.to(session.Device);

            // Held-out rows are measured on their completions whatever the training rows need.
            var needsCompletions = parse.GetValue(trainSize) is not null || !(config.SeqKd || config.Lmbda == 1);
            var encoder = new DialogueEncoder(tokenizer, studentModel.Config.MaxPositionEmbeddings);
            var examples = Examples(parse.GetRequiredValue(dataset), encoder, needsCompletions, config.MaxNewTokens);
            var split = parse.GetValue(trainSize) ?? examples.Length;
            UserFault.ThrowIfAny("distill", split >= 1 && split <= examples.Length ? [] : [$"--train-size is {split}; legal values are 1 to {examples.Length}."]);
            var size = MemoryPlanner.Count(studentModel);
            session.Plan(new RunShape
            {
                Model = studentModel.Config,
                Parameters = size,
                Trainable = size,
                Averaged = size,
                Frozen = MemoryPlanner.Count(teacherModel),
                Rows = 1,
                Tokens = examples.Max(e => e.Prompt.Length + Math.Max(e.Completion.Length, config.SeqKd || config.Lmbda > 0 ? config.MaxNewTokens : 0)),
            });
            var trainer = new DistillationTrainer(config, studentModel, teacherModel, examples[..split], examples[split..])
            {
                SaveAverage = () => TrainingRanks.OnRankZero(() => PretrainedModel.Save(studentModel, tokenizer, session.AverageOutput)),
                Warn = TrainingSession.Warn,
                Ranks = TrainingRanks.Current,
            };
            session.Run((states, report) => trainer.Train(states, report, stop));
            TrainingRanks.OnRankZero(() =>
            {
                PretrainedModel.Save(studentModel, tokenizer, session.Output);
                session.Written();
            });
            return Task.FromResult(0);
        });
        return command;
    }

    private static CausalLanguageModel Student(string path, Tokenizer tokenizer, ulong seed)
    {
        if (File.Exists(path))
        {
            var model = new CausalLanguageModel(TransformerConfig.Load(path));
            model.Initialize(new Philox(seed, InitialWeights));
            return model;
        }

        return Tokenizer.Load(path).Fingerprint == tokenizer.Fingerprint
            ? PretrainedModel.LoadCausal(path)
            : throw new UserException($"--student {path} has another tokenizer than the teacher: distributions over different tokens cannot be compared.");
    }

    private static SftExample[] Examples(string path, DialogueEncoder encoder, bool needsCompletions, int maxNewTokens)
    {
        if (!needsCompletions)
        {
            return [.. OfflineTraining.Rows(path, "prompt").Select(row => new SftExample(encoder.EncodePrompt(row["prompt"], maxNewTokens), []))];
        }

        return
        [
            .. OfflineTraining.Rows(path, "prompt", "completion")
                .Select(row => encoder.EncodePair(row["prompt"], row["completion"]))
                .Select(pair => new SftExample(pair.Prompt, pair.Answer)),
        ];
    }
}
