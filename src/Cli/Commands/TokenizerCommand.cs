using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Rlhf.Modeling.Tokenization;

namespace Rlhf.Cli.Commands;

/// <summary><c>rlhf tokenizer train</c>: learns a byte-level BPE tokenizer from text files.</summary>
internal static class TokenizerCommand
{
    private static readonly TimeSpan ReportEvery = TimeSpan.FromSeconds(2);

    public static Command Create()
    {
        var vocabSize = new Option<int>("--vocab-size") { Description = "How many ids: special tokens, 256 bytes, merges.", Required = true };
        var files = new Option<string[]>("--files")
        {
            Description = "Text files, read line by line, or .jsonl files with \"text\" in each row.",
            Required = true,
            AllowMultipleArgumentsPerToken = true,
        };
        var output = CommonOptions.Output();
        var specialTokens = new Option<string[]>("--special-tokens")
        {
            Description = "Texts that are one id each; usual names (<|endoftext|>, <s>, </s>, <pad>) become bos, eos and pad.",
            DefaultValueFactory = _ => ["<|endoftext|>"],
            AllowMultipleArgumentsPerToken = true,
        };
        var minFrequency = new Option<long>("--min-frequency") { Description = "A pair that occurs less often is not merged.", DefaultValueFactory = _ => 2 };
        var split = new Option<string>("--split") { Description = $"How text is cut into words: {string.Join(", ", BpeTrainerOptions.SplitNames)}.", DefaultValueFactory = _ => "gpt2" };
        var train = new Command("train", "Learn a byte-level BPE tokenizer from text files.") { vocabSize, files, output, specialTokens, minFrequency, split };
        train.SetAction((parse, stop) => Task.FromResult(Run(
            parse.GetRequiredValue(files),
            parse.GetRequiredValue(output),
            new BpeTrainerOptions
            {
                VocabSize = parse.GetValue(vocabSize),
                SpecialTokens = parse.GetValue(specialTokens) ?? [],
                MinFrequency = parse.GetValue(minFrequency),
                Split = parse.GetValue(split) ?? "",
            },
            stop)));
        return new Command("tokenizer", "Make tokenizers.") { train };
    }

    private static int Run(string[] files, string output, BpeTrainerOptions options, CancellationToken stop)
    {
        UserFault.ThrowIfAny("tokenizer", [.. options.Validate(), .. files.Where(file => !File.Exists(file)).Select(file => $"there is no file {file}")]);
        var watch = Stopwatch.StartNew();
        var reported = TimeSpan.Zero;
        var tokenizer = BpeTrainer.Train(files.SelectMany(TextFiles.Read), options, Report, stop);
        tokenizer.Save(output);
        var megabytes = files.Sum(file => new FileInfo(file).Length) / 1e6;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"vocabulary {tokenizer.VocabSize:N0} from {megabytes:F1} MB in {watch.Elapsed.TotalSeconds:F1} s ({megabytes / watch.Elapsed.TotalSeconds:F1} MB/s)"));
        Console.WriteLine($"written: {output}");
        return 0;

        void Report(BpeTrainingProgress progress)
        {
            if (watch.Elapsed - reported < ReportEvery)
            {
                return;
            }

            reported = watch.Elapsed;
            Console.Error.WriteLine(progress.Words == 0
                ? string.Create(CultureInfo.InvariantCulture, $"read {progress.Characters / 1e6:F1} million characters")
                : string.Create(CultureInfo.InvariantCulture, $"{progress.Words:N0} words, vocabulary {progress.VocabSize:N0} of {options.VocabSize:N0}"));
        }
    }
}
