using Rlhf.Modeling.Checkpoints;
using Rlhf.Modeling.Tokenization;
using Rlhf.Modeling.Transformer;

namespace Rlhf.Modeling.Gguf;

/// <summary>What was written.</summary>
/// <param name="Tensors">The number of tensors.</param>
/// <param name="Bytes">The file's length.</param>
/// <param name="Notes">Where the file departs from what was asked for, or llama.cpp will depart from this code; empty for most models.</param>
public sealed record GgufExportReport(int Tensors, long Bytes, IReadOnlyList<string> Notes);

/// <summary>
/// Writes language models as GGUF, the file format of llama.cpp, with tokenizer and chat template: LLaMA, Mistral, Qwen2, Qwen3, GPT-2,
/// GPT-NeoX, BLOOM and Phi. Format: docs/gguf.md of ggml; keys, names and orders of rows: llama.cpp's convert_hf_to_gguf.py.
/// </summary>
public static class GgufExport
{
    /// <summary>Numbers of <c>llama_ftype</c>, by which llama.cpp calls a file's type.</summary>
    private static readonly Dictionary<GgufType, uint> FileTypes = new()
    {
        [GgufType.F32] = 0, [GgufType.F16] = 1, [GgufType.Q8_0] = 7, [GgufType.BF16] = 32,
    };

    /// <summary>Writes a model; an existing file is replaced whole or not at all.</summary>
    /// <param name="model">The model, on any device, of any floating-point type; stays untouched. The update of an adapter that is attached goes into the weights.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="path">The .gguf file.</param>
    /// <param name="type">
    /// The type of matrices; vectors and position embeddings are always in single precision. With <see cref="GgufType.Q8_0"/>, matrices
    /// whose rows are no multiple of 32 long are stored as <see cref="GgufType.F16"/>.
    /// </param>
    /// <exception cref="CheckpointException">
    /// If llama.cpp has no counterpart for the architecture, a setting of it or the tokenizer (all faults are listed), or a weight is not
    /// finite in the type.
    /// </exception>
    public static GgufExportReport Write(CausalLanguageModel model, Tokenizer tokenizer, string path, GgufType type)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(tokenizer);
        if (!FileTypes.TryGetValue(type, out var fileType))
        {
            throw new ArgumentException($"type {type} is none of {string.Join(", ", FileTypes.Keys)}", nameof(type));
        }

        var metadata = new GgufMetadata();
        metadata.Add("general.architecture", GgufArchitecture.NameOf(model.Config) ?? "");
        metadata.Add("general.type", "model");
        metadata.Add("general.name", Path.GetFileNameWithoutExtension(path));
        metadata.Add("general.file_type", fileType);

        // GGML_QNT_VERSION, the version of the layouts of quantized types.
        metadata.Add("general.quantization_version", 2u);
        GgufArchitecture.Describe(model.Config, metadata);
        GgufTokenizer.Describe(tokenizer, model.Config, metadata);
        if (metadata.Faults.Count > 0)
        {
            throw new CheckpointException($"{path}: cannot be written as GGUF: {string.Join("; ", metadata.Faults)}");
        }

        var tensors = GgufModel.Tensors(model, type);
        if (tensors.Count(tensor => type == GgufType.Q8_0 && tensor.Type == GgufType.F16) is var wide and > 0)
        {
            metadata.Notes.Add($"{wide} matrices are stored as F16: their rows are no multiple of {Q8Blocks.Elements} long");
        }

        return new GgufExportReport(tensors.Count, GgufWriter.Write(path, metadata.Entries, tensors), metadata.Notes);
    }
}
