using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Rlhf.Modeling.Checkpoints;
using Rlhf.Modeling.Tokenization;
using Rlhf.Modeling.Transformer;
using TorchSharp;
using static TorchSharp.torch;

// How fast model directories are loaded, against a plain read of the same bytes from the page cache. Interleaved repetitions, medians.
const int Repetitions = 7;
var root = Directory.CreateTempSubdirectory("safetensors-bench-").FullName;
try
{
    var llama = new TransformerConfig
    {
        VocabSize = 50257, HiddenSize = 768, IntermediateSize = 2048, NumHiddenLayers = 12, NumAttentionHeads = 12, NumKeyValueHeads = 12, HeadDim = 64,
        TieWordEmbeddings = true,
    };
    var gpt2 = llama with { ModelType = "gpt2", HiddenAct = "gelu_new", IntermediateSize = 3072, MaxPositionEmbeddings = 1024 };
    var single = Write("llama-float32", llama, ScalarType.Float32, long.MaxValue);
    var sharded = Write("llama-shards", llama, ScalarType.Float32, 100_000_000);
    var half = Write("llama-bfloat16", llama, ScalarType.BFloat16, long.MaxValue);
    var transposed = Write("gpt2-float32", gpt2, ScalarType.Float32, long.MaxValue);
    (string Name, string Directory, Action Run)[] rows =
    [
        ("plain read into fresh memory", single, () => PlainRead(single)),
        ("load float32", single, () => Load(single, ScalarType.Float32)),
        ("load float32 from shards", sharded, () => Load(sharded, ScalarType.Float32)),
        ("load float32, matrices transposed (GPT-2)", transposed, () => Load(transposed, ScalarType.Float32)),
        ("plain read of bfloat16", half, () => PlainRead(half)),
        ("load bfloat16", half, () => Load(half, ScalarType.BFloat16)),
        ("load bfloat16 as float32", half, () => Load(half, ScalarType.Float32)),
    ];

    var seconds = rows.Select(_ => new List<double>()).ToArray();
    for (var repetition = 0; repetition <= Repetitions; repetition++)
    {
        for (var row = 0; row < rows.Length; row++)
        {
            var clock = Stopwatch.StartNew();
            rows[row].Run();

            // The first round fills the page cache and compiles.
            if (repetition > 0)
            {
                seconds[row].Add(clock.Elapsed.TotalSeconds);
            }
        }
    }

    Console.WriteLine($"{Repetitions} interleaved repetitions, medians; GB are those of the files\n");
    Console.WriteLine("| what | GB | s | GB/s | of the plain read |");
    Console.WriteLine("| --- | --- | --- | --- | --- |");
    var plain = 0.0;
    for (var row = 0; row < rows.Length; row++)
    {
        var gigabytes = Shards(rows[row].Directory).Sum(file => new FileInfo(file).Length) / 1e9;
        var median = seconds[row].Order().ElementAt(Repetitions / 2);
        plain = rows[row].Name.StartsWith("plain", StringComparison.Ordinal) ? gigabytes / median : plain;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"| {rows[row].Name} | {gigabytes:F2} | {median:F3} | {gigabytes / median:F2} | {gigabytes / median / plain:P0} |"));
    }
}
finally
{
    Directory.Delete(root, recursive: true);
}

string Write(string name, TransformerConfig config, ScalarType dtype, long maxShardSize)
{
    using var model = new CausalLanguageModel(config);
    using (no_grad())
    {
        foreach (var parameter in model.parameters())
        {
            parameter.fill_(0.5f);
        }
    }

    var directory = Path.Combine(root, name);
    PretrainedModel.Save(model, BpeTrainer.Train(["a b"], 260, []), directory, dtype, maxShardSize);
    return directory;
}

static void Load(string directory, ScalarType dtype) => PretrainedModel.LoadCausal(directory, dtype).Dispose();

static IEnumerable<string> Shards(string directory) => Directory.EnumerateFiles(directory, "*.safetensors");

static unsafe void PlainRead(string directory)
{
    foreach (var path in Shards(directory))
    {
        using var file = File.OpenHandle(path);
        var length = (nuint)RandomAccess.GetLength(file);
        var memory = (byte*)NativeMemory.Alloc(length);
        for (nuint offset = 0; offset < length;)
        {
            var wanted = (int)Math.Min(length - offset, 1 << 24);
            offset += (nuint)RandomAccess.Read(file, new Span<byte>(memory + offset, wanted), (long)offset);
        }

        NativeMemory.Free(memory);
    }
}
