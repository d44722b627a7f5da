using System.CommandLine;
using Rlhf.Contracts.Training;
using Rlhf.Modeling.Checkpoints;
using Rlhf.Training.Evaluation;
using Rlhf.Training.Evaluation.Instructions;
using Rlhf.Training.Evaluation.Safety;
using Spectre.Console;

namespace Rlhf.Cli.Commands;

/// <summary><c>rlhf eval</c>: measures a model directory, alone and against another. docs/guides/evaluation.md</summary>
internal static class EvalCommand
{
    private static readonly EvaluationConfig Defaults = new();

    public static Command Create()
    {
        var model = CommonOptions.Model();
        var against = new Option<string?>("--against") { Description = "Another model directory: win rates of --model against it." };
        var reward = new Option<string?>("--reward-model") { Description = "A reward-model directory of the same tokenizer: win rates by its scores, too. Needs --against." };
        var tasks = new Option<string[]>("--tasks")
        {
            Description = $"What is measured, by names with commas between them: {string.Join(", ", EvaluationTasks.All)}. Default: every suite.",
            DefaultValueFactory = _ => [],
        };
        var numFewshot = new Option<int>("--num-fewshot", "--few-shot") { Description = "Examples in the context of the few-shot variants; 0 leaves them out.", DefaultValueFactory = _ => Defaults.NumFewshot };
        var chainOfThought = new Option<bool>("--chain-of-thought") { Description = "Also ask for worked steps where a family has them." };
        var perplexity = new Option<string?>("--perplexity") { Description = "Text whose perplexity is measured: a line, or a \"text\" of a .jsonl file, is a document. The first nine tenths train the n-gram model." };
        var instructions = new Option<string?>("--instructions") { Description = "Prompts with verifiable instructions, a .jsonl file as IFEval has it, in place of the built-in ones." };
        var biasPairs = new Option<string?>("--bias-pairs") { Description = "Pairs of sentences, .csv or .jsonl with sent_more, sent_less and bias_type as CrowS-Pairs has them, in place of the built-in ones." };
        var harmfulPrompts = new Option<string?>("--harmful-prompts") { Description = "Requests to be refused, one a line or .jsonl with prompt and category, in place of the built-in ones." };
        var limit = new Option<int>("--limit") { Description = "Questions of each family, and the most of every list.", DefaultValueFactory = _ => Defaults.Limit };
        var maxNewTokens = new Option<int>("--max-new-tokens") { Description = "The most tokens of an answer.", DefaultValueFactory = _ => Defaults.MaxNewTokens };
        var temperature = new Option<double>("--temperature") { Description = "0 takes the most probable token each time.", DefaultValueFactory = _ => Defaults.Temperature };
        var batchSize = new Option<int>("--batch-size") { Description = "Answers or sentences computed at a time.", DefaultValueFactory = _ => Defaults.BatchSize };
        var ngramOrder = new Option<int>("--ngram-order") { Description = "n of the n-gram model.", DefaultValueFactory = _ => Defaults.NgramOrder };
        var bootstrapIters = new Option<int>("--bootstrap-iters") { Description = "Bootstrap samples of an interval.", DefaultValueFactory = _ => Defaults.BootstrapIters };
        var seed = CommonOptions.Seed();
        var json = CommonOptions.Json();
        var output = new Option<string?>("--out") { Description = "Also write the results to a file: .json or .csv." };
        var command = new Command("eval", "Measure a model directory: perplexity, task families, instructions, bias, refusal, repetition, made-up facts, win rates.")
        {
            model, against, reward, tasks, numFewshot, chainOfThought, perplexity, instructions, biasPairs, harmfulPrompts, limit, maxNewTokens, temperature, batchSize,
            ngramOrder, bootstrapIters, seed, json, output,
        };
        command.SetAction((parse, stop) =>
        {
            var names = parse.GetRequiredValue(tasks).SelectMany(t => t.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)).Distinct().ToArray();
            var config = new EvaluationConfig
            {
                Tasks = names.Length > 0 ? names : Defaults.Tasks,
                NumFewshot = parse.GetValue(numFewshot),
                ChainOfThought = parse.GetValue(chainOfThought),
                Limit = parse.GetValue(limit),
                NgramOrder = parse.GetValue(ngramOrder),
                MaxNewTokens = parse.GetValue(maxNewTokens),
                Temperature = parse.GetValue(temperature),
                BatchSize = parse.GetValue(batchSize),
                BootstrapIters = parse.GetValue(bootstrapIters),
            };
            var faults = config.Validate().ToList();
            var file = parse.GetValue(output);
            if (parse.GetValue(reward) is not null && parse.GetValue(against) is null)
            {
                faults.Add("--reward-model compares answers of two models: name the other with --against.");
            }

            if (file is not null && EvaluationExport.FormatOf(file) is null)
            {
                faults.Add($"--out is '{file}'; its name must end in .json or .csv.");
            }

            UserFault.ThrowIfAny("eval", faults);
            var inputs = Inputs(parse.GetValue(perplexity), parse.GetValue(instructions), parse.GetValue(biasPairs), parse.GetValue(harmfulPrompts));
            var request = new Request(parse.GetRequiredValue(model), parse.GetValue(against), parse.GetValue(reward), config, inputs, parse.GetValue(seed));
            var measures = Measure(request, stop);
            var report = new EvaluationReport(request.Model, request.Against, request.RewardModel, request.Seed, config, measures);
            if (file is not null)
            {
                AtomicFile.Write(file, EvaluationExport.Bytes(report, EvaluationExport.FormatOf(file)!));
            }

            if (parse.GetValue(json))
            {
                parse.InvocationConfiguration.Output.WriteLine(EvaluationExport.Json(report));
            }
            else
            {
                AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(parse.InvocationConfiguration.Output) }).Write(EvaluationExport.Table(measures));
            }

            return Task.FromResult(0);
        });
        return command;
    }

    private static List<EvaluationMeasure> Measure(Request request, CancellationToken stop)
    {
        using var model = EvaluatedModel.Load(request.Model);
        var evaluation = new ModelEvaluation(model, request.Config, request.Inputs, request.Seed, stop);
        var measures = evaluation.Measure((suite, number, count) => Console.Error.WriteLine($"{number + 1}/{count} {suite}")).ToList();
        if (request.Against is { } against)
        {
            Console.Error.WriteLine(WinRateNames.Task);
            using var baseline = EvaluatedModel.Load(against);
            using var reward = request.RewardModel is { } directory ? PretrainedModel.LoadScalar(directory) : null;
            measures.AddRange(evaluation.Compare(baseline, reward).Measures);
        }

        return measures;
    }

    private static EvaluationInputs Inputs(string? perplexity, string? instructions, string? biasPairs, string? harmfulPrompts)
    {
        var inputs = new EvaluationInputs();
        if (perplexity is not null)
        {
            var documents = TextFiles.Read(perplexity).Where(d => !string.IsNullOrWhiteSpace(d)).ToArray();
            if (documents.Length < 2)
            {
                throw new UserException($"{perplexity} has {documents.Length} documents; at least one for the n-gram model and one to measure are needed.");
            }

            var split = Math.Min(documents.Length - 1, Math.Max(1, documents.Length * 9 / 10));
            inputs = inputs with { NgramDocuments = documents[..split], Documents = documents[split..] };
        }

        return inputs with
        {
            Instructions = instructions is null ? inputs.Instructions : InstructionPrompts.Read(instructions),
            BiasPairs = biasPairs is null ? inputs.BiasPairs : BiasPairs.Read(biasPairs),
            HarmfulPrompts = harmfulPrompts is null ? inputs.HarmfulPrompts : HarmfulPrompts.Read(harmfulPrompts),
        };
    }

    private sealed record Request(string Model, string? Against, string? RewardModel, EvaluationConfig Config, EvaluationInputs Inputs, ulong Seed);
}
