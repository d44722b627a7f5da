using System.Text.Json;
using Rlhf.Modeling.Transformer;
using Rlhf.Training.Hyperparameters;
using Trainer.Service.Algorithms.Pretraining;

namespace Rlhf.Cli.Commands;

/// <summary>The shape of a model to pretrain, its tokenizer, and the corpus it reads: with the seed, everything that decides the weights.</summary>
internal sealed record BaseModelConfig : IHyperparameters
{
    /// <summary>Seed of the generated corpus and of the initial weights. Default 1.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Tokens of the byte-level BPE vocabulary, special tokens included. Default 2048.</summary>
    public int VocabSize { get; init; } = 2048;

    /// <summary>Documents the BPE merges are counted on. Default 20000.</summary>
    public int TokenizerDocuments { get; init; } = 20_000;

    /// <summary>Width D. Default 256.</summary>
    public int HiddenSize { get; init; } = 256;

    /// <summary>Width of the SwiGLU layer. Default 704.</summary>
    public int IntermediateSize { get; init; } = 704;

    /// <summary>Blocks. Default 4.</summary>
    public int NumHiddenLayers { get; init; } = 4;

    /// <summary>Query heads. Default 4.</summary>
    public int NumAttentionHeads { get; init; } = 4;

    /// <summary>Key/value heads. Default 4.</summary>
    public int NumKeyValueHeads { get; init; } = 4;

    /// <summary>The longest text, in tokens. Default 256.</summary>
    public int MaxPositionEmbeddings { get; init; } = 256;

    /// <inheritdoc/>
    public IReadOnlyList<string> Validate()
    {
        var faults = new List<string>(Transformer(endOfText: 0).Validate());
        if (VocabSize < 300)
        {
            faults.Add($"vocab_size is {VocabSize}; it must be at least 300: 256 bytes, special tokens and some merges.");
        }

        if (TokenizerDocuments < 1)
        {
            faults.Add($"tokenizer_documents is {TokenizerDocuments}; it must be positive.");
        }

        return faults;
    }

    public TransformerConfig Transformer(int endOfText) => new()
    {
        ModelType = "llama",
        VocabSize = VocabSize,
        HiddenSize = HiddenSize,
        IntermediateSize = IntermediateSize,
        NumHiddenLayers = NumHiddenLayers,
        NumAttentionHeads = NumAttentionHeads,
        NumKeyValueHeads = NumKeyValueHeads,
        HeadDim = HiddenSize / Math.Max(1, NumAttentionHeads),
        MaxPositionEmbeddings = MaxPositionEmbeddings,
        RmsNormEps = 1e-5,
        RopeTheta = 10_000,
        InitializerRange = 0.02,
        TieWordEmbeddings = true,
        EosTokenIds = [endOfText],
    };
}

/// <summary>A recipe file: <c>{"model": {…}, "pretraining": {…}}</c>.</summary>
internal sealed record PretrainRecipe(BaseModelConfig Model, PretrainConfig Pretraining)
{
    /// <summary>Reads a recipe; all faults of both parts are listed at once.</summary>
    /// <param name="path">The file.</param>
    /// <param name="readPretraining">Reads the part about training; null: as it stands in the file.</param>
    /// <exception cref="HyperparametersException">If anything in it is unknown or illegal.</exception>
    public static PretrainRecipe Load(string path, Func<string?, PretrainConfig>? readPretraining = null)
    {
        if (!File.Exists(path))
        {
            throw new UserException($"{path}: no such recipe.");
        }

        using var document = JsonDocument.Parse(File.ReadAllText(path));
        var faults = new List<string>();
        if (document.RootElement.ValueKind != JsonValueKind.Object)
        {
            throw new HyperparametersException(path, ["it must be a JSON object with \"model\" and \"pretraining\"."]);
        }

        faults.AddRange(document.RootElement.EnumerateObject()
            .Where(p => p.Name is not ("model" or "pretraining"))
            .Select(p => $"{p.Name} is unknown; the keys are model, pretraining."));
        var model = Section("model", HyperparametersJson.Read<BaseModelConfig>);
        var pretraining = Section("pretraining", readPretraining ?? HyperparametersJson.Read<PretrainConfig>);
        return faults.Count == 0 ? new PretrainRecipe(model, pretraining) : throw new HyperparametersException(path, faults);

        T Section<T>(string name, Func<string?, T> read)
            where T : new()
        {
            try
            {
                return read(document.RootElement.TryGetProperty(name, out var section) ? section.GetRawText() : null);
            }
            catch (HyperparametersException exception)
            {
                faults.AddRange(exception.Faults.Select(f => $"{name}.{f}"));
                return new T();
            }
        }
    }
}
