using System.CommandLine;
using Rlhf.Cli.Training;
using Rlhf.Modeling.Checkpoints;
using Rlhf.Modeling.Tokenization;
using Rlhf.Modeling.Transformer;
using Rlhf.Numerics;
using Rlhf.TaskFamilies;
using Rlhf.Training.Memory;
using TorchSharp;
using Trainer.Service.Algorithms.Pretraining;

namespace Rlhf.Cli.Commands;

/// <summary><c>rlhf pretrain</c>: trains a tokenizer and a language model on the generated corpus, as a recipe says.</summary>
internal static class PretrainCommand
{
    private const ulong InitialWeights = 0x1417;

    public static Command Create()
    {
        var recipe = new Option<string>("--recipe")
        {
            Description = "The recipe file (models/base/recipe.json made the base model that ships); a flag below wins over its \"pretraining\".", Required = true,
        };
        var state = new Option<string?>("--state") { Description = "Where the training state is saved, to go on after an interruption; default: the output directory's name with .state added." };
        var options = new TrainingOptions<PretrainConfig>();
        var command = new Command("pretrain", "Train a base model from scratch on the generated corpus.") { recipe, state };
        options.AddTo(command, hasConfig: false);
        command.SetAction((parse, stop) =>
        {
            var path = parse.GetRequiredValue(recipe);
            var read = PretrainRecipe.Load(path, json => options.Read(parse, json));
            Run(read, path, options.Open(parse, "pretraining", read.Pretraining).WithStates(parse.GetValue(state)), stop);
            return Task.FromResult(0);
        });
        return command;
    }

    private static void Run(PretrainRecipe recipe, string recipePath, TrainingSession session, CancellationToken stop)
    {
        var tokenizer = TrainTokenizer(recipe.Model, session.StateDirectory);
        var config = recipe.Model.Transformer(tokenizer.EosTokenId!.Value);
        using var model = new CausalLanguageModel(config);
        model.Initialize(new Philox(recipe.Model.Seed, InitialWeights));
        model.to(session.Device);
        TrainingRanks.OnRankZero(() => Console.WriteLine($"{model.parameters().Sum(p => p.numel()):N0} parameters, vocabulary {tokenizer.VocabSize}"));
        var size = MemoryPlanner.Count(model);
        session.Plan(new RunShape { Model = config, Parameters = size, Trainable = size, Averaged = size, Rows = 1, Tokens = recipe.Pretraining.ContextLength });

        var corpus = new CorpusOptions();
        var trainer = new PretrainTrainer(recipe.Pretraining, model, tokenizer, index => CorpusGenerator.Document(recipe.Model.Seed, (ulong)index, corpus))
        {
            SaveAverage = () => TrainingRanks.OnRankZero(() => Save(session.AverageOutput)), Warn = TrainingSession.Warn, Ranks = TrainingRanks.Current,
        };
        session.Run((states, report) => trainer.Train(states, report, stop));
        TrainingRanks.OnRankZero(() =>
        {
            Save(session.Output);
            session.Written();
        });

        void Save(string directory)
        {
            PretrainedModel.Save(model, tokenizer, directory, torch.ScalarType.BFloat16);
            File.Copy(recipePath, Path.Combine(directory, "recipe.json"), overwrite: true);
        }
    }

    // The merges are saved with the state: a resumed run must not count them again.
    private static Tokenizer TrainTokenizer(BaseModelConfig config, string state)
    {
        var directory = Path.Combine(state, "tokenizer");
        if (File.Exists(Path.Combine(directory, "tokenizer.json")))
        {
            return Tokenizer.Load(directory);
        }

        var texts = CorpusGenerator.Documents(config.Seed, new CorpusOptions()).Take(config.TokenizerDocuments);
        var tokenizer = BpeTrainer.Train(texts, config.VocabSize, ["<|endoftext|>"]);
        TrainingRanks.OnRankZero(() =>
        {
            Directory.CreateDirectory(directory);
            tokenizer.Save(directory);
        });
        return tokenizer;
    }
}
