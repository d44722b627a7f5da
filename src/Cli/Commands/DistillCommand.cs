using System.CommandLine;
using Rlhf.Cli.Training;
using Rlhf.Datasets;
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
        var dataset = new DatasetOptions("Prompts and completions; prompts alone for --seq-kd and --lmbda 1.");
        var options = new TrainingOptions<DistillationConfig>();
        var command = new Command("distill", "Train a small model on a larger one's distributions or answers.") { teacher, student };
        dataset.AddTo(command);
        options.AddTo(command);
        command.SetAction((parse, stop) =>
        {
            var config = options.Read(parse);
            var session = options.Open(parse, "distillation", config);
            var tokenizer = Tokenizer.Load(parse.GetRequiredValue(teacher));
            using var teacherModel = PretrainedModel.LoadCausal(parse.GetRequiredValue(teacher));
            using var studentModel = Student(parse.GetRequiredValue(student), tokenizer, config.Seed);

            var encoder = DatasetOptions.Encoder(parse.GetRequiredValue(teacher), tokenizer, studentModel.Config.MaxPositionEmbeddings);
            var (train, test) = Examples(dataset.Read(parse, config.Seed), "--dataset", encoder, config);
            var size = MemoryPlanner.Count(studentModel);
            session.Plan(new RunShape
            {
                Model = studentModel.Config,
                Parameters = size,
                Trainable = size,
                Averaged = size,
                Frozen = MemoryPlanner.Count(teacherModel),
                Rows = 1,
                Tokens = train.Concat(test).Max(e => e.Prompt.Length + Math.Max(e.Completion.Length, config.SeqKd || config.Lmbda > 0 ? config.MaxNewTokens : 0)),
            });
            var trainer = new DistillationTrainer(config, studentModel, teacherModel, train, test)
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

    // A teacher that writes the answers needs prompts only; but without answers nothing can be held out.
    private static (SftExample[] Train, SftExample[] Test) Examples(
        (IReadOnlyList<DatasetRow> Train, IReadOnlyList<DatasetRow> Test) rows, string path, DialogueEncoder encoder, DistillationConfig config)
    {
        DatasetRow[] all = [.. rows.Train, .. rows.Test];
        if ((config.SeqKd || config.Lmbda == 1) && all.All(row => row.Type == DatasetType.PromptOnly))
        {
            return (DatasetOptions.Encode(all, row => new SftExample(encoder.EncodePrompt(row.Prompt!, config.MaxNewTokens), [])), []);
        }

        return (Encode(rows.Train), rows.Test.Count == 0 ? [] : Encode(rows.Test));

        SftExample[] Encode(IReadOnlyList<DatasetRow> part) => DatasetOptions.Encode(part.ToAll(path, DatasetType.PromptCompletion), row =>
        {
            var (prompt, answer) = encoder.EncodePair(row.Prompt!, row.Completions[0]);
            return new SftExample(prompt, answer);
        });
    }
}
