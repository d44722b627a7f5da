using System.Diagnostics;
using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Rlhf.Modeling.Tokenization;
using Rlhf.TaskFamilies;

// Encoding, decoding and training of tokenizers in MB/s of UTF-8, beside the reference library where node and its package are there. Each figure
// twice: by the clock, and per second of processor time, which other programs on the machine disturb less.
//   RLHF_SHARED=... [RLHF_NODE_MODULES=folder with node_modules/tokenizers] dotnet run -c Release --project bench/TokenizerBench
const int Repetitions = 7;
var shared = Environment.GetEnvironmentVariable("RLHF_SHARED");
var (corpusName, lines) = Corpus(shared);
var text = string.Concat(lines);
var megabytes = Encoding.UTF8.GetByteCount(text) / 1e6;
var work = Directory.CreateTempSubdirectory("rlhf-tokenizer-bench-");
try
{
    var textFile = Path.Combine(work.FullName, "corpus.txt");
    File.WriteAllText(textFile, text);
    Console.WriteLine($"{corpusName}: {megabytes.ToString("F2", CultureInfo.InvariantCulture)} MB, {lines.Length} lines; median (lowest to highest) of {Repetitions} interleaved repetitions, MB/s");
    Console.WriteLine($"{Environment.ProcessorCount} cores, .NET {Environment.Version}");
    Console.WriteLine($"{"what",-36} {"ours, by the clock",-24} {"ours, per CPU second",-24} {"reference, by the clock",-24} reference, per CPU second");
    foreach (var (name, directory) in Tokenizers(shared, work.FullName))
    {
        var tokenizer = Tokenizer.Load(directory);
        var ids = tokenizer.Encode(text, addSpecialTokens: false);
        List<(double Clock, double Cpu)> one = [], two = [], decode = [];
        for (var i = 0; i <= Repetitions; i++)
        {
            // The first round is warm-up.
            Measure(i, one, () => tokenizer.Encode(text, addSpecialTokens: false));
            Measure(i, two, () => tokenizer.EncodeBatch(lines, addSpecialTokens: false, maxDegreeOfParallelism: 2));
            Measure(i, decode, () => tokenizer.Decode(ids, skipSpecialTokens: false));
        }

        var reference = Reference(Path.Combine(directory, "tokenizer.json"), textFile);
        Row($"{name}: encode, one thread", one, reference?.Encode);
        Row($"{name}: encode lines, two threads", two, null);
        Row($"{name}: decode", decode, reference?.Decode);
    }

    List<(double Clock, double Cpu)> training = [];
    for (var i = 0; i <= 5; i++)
    {
        Measure(i, training, () => BpeTrainer.Train(lines, new BpeTrainerOptions { VocabSize = 8192, SpecialTokens = ["<|endoftext|>"], MaxDegreeOfParallelism = 2 }));
    }

    Row("train 8,192 ids, two threads", training, null);
}
finally
{
    work.Delete(recursive: true);
}

void Measure(int round, List<(double Clock, double Cpu)> seconds, Action run)
{
    var cpu = Environment.CpuUsage.TotalTime;
    var watch = Stopwatch.StartNew();
    run();
    if (round > 0)
    {
        seconds.Add((watch.Elapsed.TotalSeconds, (Environment.CpuUsage.TotalTime - cpu).TotalSeconds));
    }
}

void Row(string what, List<(double Clock, double Cpu)> ours, List<(double Clock, double Cpu)>? reference) => Console.WriteLine(
    $"{what,-36} {Speed(ours.Select(time => time.Clock)),-24} {Speed(ours.Select(time => time.Cpu)),-24} "
    + $"{(reference is null ? "–" : Speed(reference.Select(time => time.Clock))),-24} {(reference is null ? "–" : Speed(reference.Select(time => time.Cpu)))}");

string Speed(IEnumerable<double> seconds)
{
    var sorted = seconds.Order().ToArray();
    return string.Create(CultureInfo.InvariantCulture, $"{megabytes / sorted[sorted.Length / 2]:F1} ({megabytes / sorted[^1]:F1} to {megabytes / sorted[0]:F1})");
}

static (string Name, string[] Lines) Corpus(string? shared)
{
    var file = shared is null ? null : Path.Combine(shared, "data", "corpus", "wiki-demo.txt");
    return file is not null && File.Exists(file)
        ? ("wiki-demo.txt", [.. File.ReadAllLines(file).Select(line => line + "\n")])
        : ("generated corpus", [.. CorpusGenerator.Documents(1, new CorpusOptions()).Take(4000)]);
}

// Without the shared files there is a tokenizer trained on the spot.
static IEnumerable<(string Name, string Directory)> Tokenizers(string? shared, string work)
{
    var found = false;
    foreach (var name in (string[])["gpt2", "qwen3"])
    {
        var packed = shared is null ? null : Path.Combine(shared, "fixtures", "tokenizers", name, "tokenizer.json.gz");
        if (packed is null || !File.Exists(packed))
        {
            continue;
        }

        found = true;
        var directory = Directory.CreateDirectory(Path.Combine(work, name)).FullName;
        using (var input = new GZipStream(File.OpenRead(packed), CompressionMode.Decompress))
        using (var output = File.Create(Path.Combine(directory, "tokenizer.json")))
        {
            input.CopyTo(output);
        }

        yield return (name, directory);
    }

    if (!found)
    {
        var directory = Path.Combine(work, "trained");
        BpeTrainer.Train(CorpusGenerator.Documents(1, new CorpusOptions()).Take(2000), 8192, ["<|endoftext|>"]).Save(directory);
        yield return ("trained here (no RLHF_SHARED)", directory);
    }
}

static (List<(double Clock, double Cpu)> Encode, List<(double Clock, double Cpu)> Decode)? Reference(string tokenizer, string text)
{
    try
    {
        using var node = Process.Start(new ProcessStartInfo("node", [Path.Combine(AppContext.BaseDirectory, "baseline.mjs"), tokenizer, text, Repetitions.ToString(CultureInfo.InvariantCulture)])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var errors = node.StandardError.ReadToEndAsync();
        var output = node.StandardOutput.ReadToEnd();
        node.WaitForExit();
        if (node.ExitCode != 0)
        {
            Console.WriteLine($"no reference library: {errors.Result.Split('\n').FirstOrDefault(line => line.Contains("Error", StringComparison.Ordinal)) ?? "node failed"} (npm install tokenizers, and set RLHF_NODE_MODULES to that folder)");
            return null;
        }

        using var json = JsonDocument.Parse(output);
        return (Numbers(json.RootElement.GetProperty("encode")), Numbers(json.RootElement.GetProperty("decode")));
    }
    catch (System.ComponentModel.Win32Exception)
    {
        Console.WriteLine("no reference library: node is not installed");
        return null;
    }

    static List<(double Clock, double Cpu)> Numbers(JsonElement list) => [.. list.EnumerateArray().Select(pair => (pair[0].GetDouble(), pair[1].GetDouble()))];
}
