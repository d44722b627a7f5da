using Rlhf.Modeling.Checkpoints;

namespace Rlhf.Modeling.Tokenization;

/// <summary>The files of a tokenizer, word for word.</summary>
/// <param name="Source">The path that error messages name.</param>
/// <param name="Tokenizer">tokenizer.json, or what GPT-2's files convert to.</param>
/// <param name="Config">tokenizer_config.json.</param>
/// <param name="SpecialTokensMap">special_tokens_map.json.</param>
/// <param name="ChatTemplate">chat_template.jinja.</param>
internal sealed record TokenizerFiles(string Source, byte[] Tokenizer, byte[]? Config = null, byte[]? SpecialTokensMap = null, byte[]? ChatTemplate = null)
{
    public const string TokenizerName = "tokenizer.json";
    public const string ConfigName = "tokenizer_config.json";
    public const string SpecialTokensName = "special_tokens_map.json";
    public const string ChatTemplateName = "chat_template.jinja";

    /// <summary>The largest known tokenizer.json files have 35 MB.</summary>
    private const long MaxTokenizerBytes = 256 << 20, MaxOtherBytes = 32 << 20;

    public static TokenizerFiles Read(string directory)
    {
        var config = Optional(directory, ConfigName);
        var special = Optional(directory, SpecialTokensName);
        var template = Optional(directory, ChatTemplateName);
        var path = Path.Combine(directory, TokenizerName);
        if (File.Exists(path))
        {
            return new(path, ReadFile(path, MaxTokenizerBytes), config, special, template);
        }

        foreach (var (vocabulary, merges) in VocabularyFiles.Names)
        {
            path = Path.Combine(directory, vocabulary);
            var mergesPath = Path.Combine(directory, merges);
            if (File.Exists(path) && File.Exists(mergesPath))
            {
                var json = VocabularyFiles.Convert(
                    path, ReadFile(path, MaxTokenizerBytes), mergesPath, ReadFile(mergesPath, MaxTokenizerBytes), config, special, Optional(directory, "added_tokens.json"));
                return new(path, json, config, special, template);
            }
        }

        throw new FileNotFoundException(
            $"{directory} has no {TokenizerName}, and neither {string.Join(" nor ", VocabularyFiles.Names.Select(names => $"{names.Vocabulary} with {names.Merges}"))}",
            Path.Combine(directory, TokenizerName));
    }

    public void Write(string directory)
    {
        Directory.CreateDirectory(directory);
        foreach (var (name, content) in (ReadOnlySpan<(string, byte[]?)>)
            [(TokenizerName, Tokenizer), (ConfigName, Config), (SpecialTokensName, SpecialTokensMap), (ChatTemplateName, ChatTemplate)])
        {
            if (content is not null)
            {
                AtomicFile.Write(Path.Combine(directory, name), content);
            }
        }
    }

    /// <summary>A file's content, or null if there is none.</summary>
    public static byte[]? Optional(string directory, string name) =>
        Path.Combine(directory, name) is var path && File.Exists(path) ? ReadFile(path, MaxOtherBytes) : null;

    private static byte[] ReadFile(string path, long maximum) =>
        new FileInfo(path).Length is var length && length <= maximum
            ? File.ReadAllBytes(path)
            : throw new InvalidDataException($"{path} has {length} bytes; at most {maximum} are read");
}
