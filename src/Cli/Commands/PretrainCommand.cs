using System.CommandLine;
using Rlhf.Modeling.Checkpoints;
using Rlhf.Modeling.Tokenization;
using Rlhf.Modeling.Transformer;
using Rlhf.Numerics;
using Rlhf.TaskFamilies;
using Rlhf.Training.Metrics;
using TorchSharp;
using Trainer.Service.Algorithms.Pretraining;

namespace Rlhf.Cli.Commands;

/// <summary><c>rlhf pretrain</c>: trains a tokenizer and a language model on the generated corpus, as a recipe says.</summary>
internal static class PretrainCommand
{
    private const ulong InitialWeights = 0x1417;

    public static Command Create()
    {
        var recipe = new Option<string>("--recipe") { Description = "The recipe file (models/base/recipe.json made the base model that ships).", Required = true };
        var output = CommonOptions.Output();
        var state = new Option<string?>("--state") { Description = "Where the training state is saved, to go on after an interruption; default: the output directory's name with .state added." };
        var command = new Command("pretrain", "Train a base model from scratch on the generated corpus.") { recipe, output, state };
        command.SetAction((parse, stop) => Task.FromResult(Run(
            PretrainRecipe.Load(parse.GetRequiredValue(recipe)),
            parse.GetRequiredValue(recipe),
            parse.GetRequiredValue(output),
            parse.GetValue(state),
            stop)));
        return command;
    }

    private static int Run(PretrainRecipe recipe, string recipePath, string output, string? state, CancellationToken stop)
    {
        state ??= output.TrimEnd('/') + ".state";
        var tokenizer = TrainTokenizer(recipe.Model, state);
        var config = recipe.Model.Transformer(tokenizer.EosTokenId!.Value);
        using var model = new CausalLanguageModel(config);
        model.Initialize(new Philox(recipe.Model.Seed, InitialWeights));
        Console.WriteLine($"{model.parameters().Sum(p => p.numel()):N0} parameters, vocabulary {tokenizer.VocabSize}");

        var corpus = new CorpusOptions();
        var trainer = new PretrainTrainer(recipe.Pretraining, model, tokenizer, index => CorpusGenerator.Document(recipe.Model.Seed, (ulong)index, corpus));
        trainer.Train(state, Print, stop);
        PretrainedModel.Save(model, tokenizer, output, torch.ScalarType.BFloat16);
        File.Copy(recipePath, Path.Combine(output, "recipe.json"), overwrite: true);
        Console.WriteLine($"written: {output}");
        return 0;
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
        Directory.CreateDirectory(directory);
        tokenizer.Save(directory);
        return Tokenizer.Load(directory);
    }

    private static void Print(TrainingProgress progress) => Console.WriteLine(
        $"step {progress.Step}/{progress.TotalSteps}  " + string.Join("  ", progress.Metrics.Select(m => $"{m.Key} {m.Value:G5}")));
}
