using System.Text.Json;

namespace Rlhf.Modeling.Tokenization.Models;

/// <summary>Every word is one token.</summary>
internal sealed class WordLevelModel : TokenModel
{
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _vocabulary;
    private readonly int _unknownId;

    private WordLevelModel(JsonElement model, Dictionary<string, int> vocabulary)
    {
        _vocabulary = vocabulary.GetAlternateLookup<ReadOnlySpan<char>>();
        _unknownId = UnknownId(model, vocabulary, required: true)!.Value;
    }

    public static WordLevelModel Parse(JsonElement model)
    {
        var vocabulary = ParseVocabulary(model);
        return new WordLevelModel(model, vocabulary) { Vocabulary = vocabulary };
    }

    public override void Encode(ReadOnlySpan<char> word, TokenSink sink) =>
        sink.Add(_vocabulary.TryGetValue(word, out var id) ? id : _unknownId, 0, word.Length);
}
