using System.CommandLine;
using System.Security.Cryptography;
using System.Text;
using Rlhf.Cli.Training;
using Rlhf.Datasets;
using Rlhf.Modeling.Checkpoints;
using Rlhf.Modeling.Tokenization;
using Rlhf.Modeling.Transformer;
using Rlhf.Numerics;
using Rlhf.TaskFamilies;
using Rlhf.Training.Memory;
using TorchSharp;
using Trainer.Service.Algorithms.Pretraining;

namespace Rlhf.Cli.Commands;

/// <summary><c>rlhf pretrain</c>: trains a tokenizer and a language model on the generated corpus or on files, as a recipe says.</summary>
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
        var files = new Option<string[]>("--files")
        {
            Description = "The corpus: rows with \"text\", or plain text with a document a line (rlhf clean makes one); default: the generated corpus.",
            AllowMultipleArgumentsPerToken = true,
        };
        var options = new TrainingOptions<PretrainConfig>();
        var command = new Command("pretrain", "Train a base model from scratch.") { recipe, state, files };
        options.AddTo(command, hasConfig: false);
        command.SetAction((parse, stop) =>
        {
            var path = parse.GetRequiredValue(recipe);
            var read = PretrainRecipe.Load(path, json => options.Read(parse, json));
            Run(read, path, options.Open(parse, "pretraining", read.Pretraining).WithStates(parse.GetValue(state)), Documents(parse.GetValue(files) ?? []), stop);
            return Task.FromResult(0);
        });
        return command;
    }

    private static void Run(PretrainRecipe recipe, string recipePath, TrainingSession session, string[]? documents, CancellationToken stop)
    {
        RequireSameCorpus(session, documents);
        var tokenizer = TrainTokenizer(recipe.Model, session.StateDirectory, documents);
        var config = recipe.Model.Transformer(tokenizer.EosTokenId!.Value);
        using var model = new CausalLanguageModel(config);
        model.Initialize(new Philox(recipe.Model.Seed, InitialWeights));
        TrainingRanks.OnRankZero(() => Console.WriteLine($"{model.parameters().Sum(p => p.numel()):N0} parameters, vocabulary {tokenizer.VocabSize}"));
        var size = MemoryPlanner.Count(model);
        session.Plan(new RunShape { Model = config, Parameters = size, Trainable = size, Averaged = size, Rows = 1, Tokens = recipe.Pretraining.ContextLength });

        var corpus = new CorpusOptions();
        Func<long, string> document = documents is null ? index => CorpusGenerator.Document(recipe.Model.Seed, (ulong)index, corpus) : index => documents[index];
        var trainer = new PretrainTrainer(recipe.Pretraining, model, tokenizer, document, documents?.Length)
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

    private static string[]? Documents(string[] files) => files.Length == 0
        ? null
        : [.. files.SelectMany(file => DatasetOptions.Encode(DatasetOptions.Read(file, format: null).ToAll(file, DatasetType.LanguageModeling), row => row.Completions[0].AsText()))];

    // A state goes on with the texts it was made from: its cursor and its tokenizer mean nothing for others.
    private static void RequireSameCorpus(TrainingSession session, string[]? documents)
    {
        var state = session.StateDirectory;
        var tokenizer = Path.Combine(state, "tokenizer");
        var path = Path.Combine(state, "corpus.sha256");
        if (session.Resume == false && Directory.Exists(tokenizer))
        {
            Directory.Delete(tokenizer, recursive: true);
            File.Delete(path);
        }

        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var document in documents ?? [])
        {
            hash.AppendData(Encoding.UTF8.GetBytes(document + "\0"));
        }

        var corpus = documents is null ? "generated" : Convert.ToHexStringLower(hash.GetHashAndReset());
        if (!File.Exists(path))
        {
            // States of earlier versions are of the generated corpus.
            if (documents is not null && Directory.Exists(tokenizer))
            {
                throw new UserException($"--state {state} was begun with the generated corpus: name another directory, or leave --files out.");
            }

            Directory.CreateDirectory(state);
            AtomicFile.Write(path, Encoding.ASCII.GetBytes(corpus));
        }
        else if (File.ReadAllText(path) != corpus)
        {
            throw new UserException($"--state {state} was begun with another corpus: name another directory, or give the files it was begun with.");
        }
    }

    // The merges are saved with the state: a resumed run must not count them again.
    private static Tokenizer TrainTokenizer(BaseModelConfig config, string state, string[]? documents)
    {
        var directory = Path.Combine(state, "tokenizer");
        if (File.Exists(Path.Combine(directory, "tokenizer.json")))
        {
            return Tokenizer.Load(directory);
        }

        var texts = (documents ?? CorpusGenerator.Documents(config.Seed, new CorpusOptions())).Take(config.TokenizerDocuments);
        var tokenizer = BpeTrainer.Train(texts, config.VocabSize, ["<|endoftext|>"]);
        TrainingRanks.OnRankZero(() =>
        {
            Directory.CreateDirectory(directory);
            tokenizer.Save(directory);
        });
        return tokenizer;
    }
}
