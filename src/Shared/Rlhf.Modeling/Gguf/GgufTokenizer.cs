using System.Text.Json;
using Rlhf.Modeling.Tokenization;
using Rlhf.Modeling.Tokenization.Models;
using Rlhf.Modeling.Transformer;

namespace Rlhf.Modeling.Gguf;

/// <summary>
/// The tokenizer as llama.cpp reads it (src/llama-vocab.cpp): byte-level BPE as <c>gpt2</c>, BPE with byte fallback – what
/// SentencePiece's BPE becomes in tokenizer.json – as <c>llama</c>.
/// </summary>
internal sealed class GgufTokenizer
{
    // llama_token_type.
    private const int Normal = 1, Unknown = 2, Control = 3, UserDefined = 4, Unused = 5, Byte = 6;

    private readonly Tokenizer _tokenizer;
    private readonly TransformerConfig _config;
    private readonly GgufMetadata _metadata;
    private readonly JsonElement _json;
    private readonly JsonElement _model;

    private GgufTokenizer(Tokenizer tokenizer, TransformerConfig config, GgufMetadata metadata, JsonElement json)
    {
        (_tokenizer, _config, _metadata, _json) = (tokenizer, config, metadata, json);
        _model = TokenizerJson.Child(json, "model");
    }

    public static void Describe(Tokenizer tokenizer, TransformerConfig config, GgufMetadata metadata)
    {
        using var document = JsonDocument.Parse(tokenizer.Files.Tokenizer);
        new GgufTokenizer(tokenizer, config, metadata, document.RootElement).Describe();
    }

    private void Describe()
    {
        if (_tokenizer.VocabSize > _config.VocabSize)
        {
            _metadata.Faults.Add($"the tokenizer has {_tokenizer.VocabSize} ids, more than the model's vocab_size of {_config.VocabSize}");
        }

        var type = TokenModel.TypeOf(_model);
        if (type != "BPE" || HasText("continuing_subword_prefix") || HasText("end_of_word_suffix"))
        {
            _metadata.Faults.Add($"the tokenizer's model is {type}{(type == "BPE" ? " with affixes" : "")}; GGUF is written for BPE of bytes and for BPE with byte fallback");
        }

        if (_metadata.Faults.Count > 0)
        {
            return;
        }

        if (TokenizerJson.Flag(_model, "byte_fallback"))
        {
            DescribeSentencePiece();
        }
        else
        {
            DescribeByteLevel();
        }

        DescribeSpecialTokens();
        GgufChatTemplate.Describe(_tokenizer.Files, _metadata);
    }

    private bool HasText(string field) => TokenizerJson.Child(_model, field) is { ValueKind: JsonValueKind.String } value && value.GetString() != "";

    private void DescribeByteLevel()
    {
        foreach (var step in Steps(TokenizerJson.Child(_json, "normalizer")))
        {
            if (TokenizerJson.TypeOf(step) == "NFC")
            {
                _metadata.Notes.Add("llama.cpp does not bring texts into the form NFC first, which this tokenizer does");
            }
            else
            {
                _metadata.Faults.Add($"normalizer {step.GetRawText()} has no counterpart in llama.cpp's byte-level BPE");
            }
        }

        _metadata.Add("tokenizer.ggml.model", "gpt2");
        _metadata.Add(
            "tokenizer.ggml.pre",
            GgufPreTokenizers.Find(TokenizerJson.Child(_json, "pre_tokenizer"), TokenizerJson.Flag(_model, "ignore_merges"), _metadata));
        var (tokens, types) = TokensAndTypes();
        _metadata.Add("tokenizer.ggml.tokens", tokens);
        _metadata.Add("tokenizer.ggml.token_type", types);

        // A part with a space in it would be cut at the wrong place; in the alphabet of bytes there is none.
        _metadata.Add("tokenizer.ggml.merges", BpeModel.ReadMerges(_model).Select(merge => $"{merge.Left} {merge.Right}").ToArray());
    }

    private void DescribeSentencePiece()
    {
        var prefix = GgufSpaces.Find(_json, _metadata);
        var (tokens, types) = TokensAndTypes();
        if (types.Count(type => type == Byte) != 256)
        {
            _metadata.Faults.Add("the vocabulary lacks some of <0x00> … <0xFF>, which llama.cpp needs for byte fallback");
        }

        _metadata.Add("tokenizer.ggml.model", "llama");
        _metadata.Add("tokenizer.ggml.pre", "default");
        _metadata.Add("tokenizer.ggml.tokens", tokens);
        _metadata.Add("tokenizer.ggml.scores", GgufScores.FromMerges(tokens, types.Select(type => type == Normal).ToArray(), BpeModel.ReadMerges(_model), _metadata));
        _metadata.Add("tokenizer.ggml.token_type", types);
        _metadata.Add("tokenizer.ggml.add_space_prefix", prefix);
    }

    /// <summary>As many tokens as the model has rows, no two alike: llama.cpp demands both.</summary>
    private (string[] Tokens, int[] Types) TokensAndTypes()
    {
        var added = _tokenizer.AddedTokens.DistinctBy(token => token.Id).ToDictionary(token => token.Id);
        var tokens = new string[_config.VocabSize];
        var types = new int[_config.VocabSize];
        var byteFallback = TokenizerJson.Flag(_model, "byte_fallback");
        for (var id = 0; id < tokens.Length; id++)
        {
            var extra = added.GetValueOrDefault(id);
            var token = extra?.Content ?? _tokenizer.TokenAt(id);
            tokens[id] = token ?? FreeName(id);
            types[id] = token is null ? Unused
                : byteFallback && id == _tokenizer.UnkTokenId ? Unknown
                : extra is not null ? extra.Special ? Control : UserDefined
                : byteFallback && GgufScores.IsByte(token) ? Byte
                : Normal;
        }

        return (tokens, types);
    }

    /// <summary>A name for a row that no token has: llama.cpp's converter calls it [PAD<paramref name="id"/>].</summary>
    private string FreeName(int id)
    {
        var name = $"[PAD{id}]";
        while (_tokenizer.TryGetId(name, out _))
        {
            name = $"[{name}]";
        }

        return name;
    }

    private void DescribeSpecialTokens()
    {
        var pieces = _tokenizer.PostProcessor.Single;
        int[] before = [.. pieces.TakeWhile(piece => piece.Text < 0).SelectMany(piece => piece.Ids)];
        int[] after = [.. pieces.SkipWhile(piece => piece.Text < 0).SelectMany(piece => piece.Ids)];
        var bos = before.Length == 1 ? before[0] : _tokenizer.BosTokenId ?? _config.BosTokenId;
        int[] ends = [.. after.Concat(_tokenizer.EosTokenId is { } own ? [own] : []).Concat(_config.EosTokenIds).Distinct()];
        if (before.Length > 1 || after.Length > 1)
        {
            _metadata.Notes.Add("llama.cpp puts at most one token before and one behind a text; this tokenizer puts more");
        }

        AddId("bos_token_id", bos);
        string[] names = ["eos_token_id", "eot_token_id", "eom_token_id"];
        for (var i = 0; i < Math.Min(ends.Length, names.Length); i++)
        {
            AddId(names[i], ends[i]);
        }

        if (ends.Length > names.Length)
        {
            _metadata.Notes.Add($"llama.cpp stops at no more than {names.Length} named tokens; left out are {string.Join(", ", ends[names.Length..])}");
        }
        else if (ends.Length == 0)
        {
            _metadata.Notes.Add("neither tokenizer nor config names a token that ends a text: llama.cpp takes one of its own choice");
        }

        AddId("unknown_token_id", _tokenizer.UnkTokenId);
        AddId("padding_token_id", _tokenizer.PadTokenId ?? _config.PadTokenId);
        _metadata.Add("tokenizer.ggml.add_bos_token", before.Length > 0);
        _metadata.Add("tokenizer.ggml.add_eos_token", after.Length > 0);
    }

    private void AddId(string name, int? id)
    {
        if (id is { } value)
        {
            _metadata.AddCount($"tokenizer.ggml.{name}", value);
        }
    }

    /// <summary>A component's parts, or itself; none if it is null.</summary>
    internal static IEnumerable<JsonElement> Steps(JsonElement normalizer) => TokenizerJson.TypeOf(normalizer) switch
    {
        null => [],
        "Sequence" => TokenizerJson.Child(normalizer, "normalizers").EnumerateArray().SelectMany(Steps),
        _ => [normalizer],
    };
}
