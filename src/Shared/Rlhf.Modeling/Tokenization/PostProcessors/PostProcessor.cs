using System.Text.Json;

namespace Rlhf.Modeling.Tokenization.PostProcessors;

/// <summary>
/// The <c>post_processor</c> of tokenizer.json: which special tokens go around one text or two. ByteLevel changes only offsets and is passed over.
/// </summary>
internal sealed class PostProcessor
{
    private const string Supported = "null, Sequence, ByteLevel, TemplateProcessing, BertProcessing, RobertaProcessing";

    /// <summary>The processor that adds nothing.</summary>
    public static PostProcessor None { get; } = new([Text(0, 0)], [Text(0, 0), Text(1, 1)]);

    private PostProcessor(IReadOnlyList<Piece> single, IReadOnlyList<Piece> pair) => (Single, Pair) = (single, pair);

    /// <summary>What a single text becomes.</summary>
    public IReadOnlyList<Piece> Single { get; }

    /// <summary>What two texts become.</summary>
    public IReadOnlyList<Piece> Pair { get; }

    public static PostProcessor Parse(JsonElement element, string at = "post_processor")
    {
        switch (TokenizerJson.TypeOf(element))
        {
            case null or "ByteLevel":
                return None;
            case "TemplateProcessing":
                return new(Template(element, "single", at), Template(element, "pair", at));
            case "BertProcessing":
                var (bertSep, bertCls) = (Token(element, "sep", at), Token(element, "cls", at));
                return new(
                    [Special(bertCls, 0), Text(0, 0), Special(bertSep, 0)],
                    [Special(bertCls, 0), Text(0, 0), Special(bertSep, 0), Text(1, 1), Special(bertSep, 1)]);
            case "RobertaProcessing":
                var (sep, cls) = (Token(element, "sep", at), Token(element, "cls", at));
                return new(
                    [Special(cls, 0), Text(0, 0), Special(sep, 0)],
                    [Special(cls, 0), Text(0, 0), Special(sep, 0), Special(sep, 0), Text(1, 0), Special(sep, 0)]);
            case "Sequence":
                var result = None;
                TokenizerJson.ForEach(element, "processors", at, (processor, place) =>
                {
                    var next = Parse(processor, place);
                    result = next == None ? result
                        : result == None ? next
                        : throw new InvalidDataException($"{place}: only one processor of a Sequence may add tokens");
                });
                return result;
            case var other:
                throw TokenizerJson.Unsupported(at, other, Supported);
        }
    }

    /// <summary>One token before and one behind each text, where given.</summary>
    public static PostProcessor Around(int? before, int? after)
    {
        Piece[] first = [.. Optional(before, 0), Text(0, 0), .. Optional(after, 0)];
        return new(first, [.. first, .. Optional(before, 1), Text(1, 1), .. Optional(after, 1)]);

        static Piece[] Optional(int? id, int type) => id is { } token ? [Special([token], type)] : [];
    }

    private static Piece Special(int[] ids, int type) => new(-1, ids, type);

    private static Piece Text(int index, int type) => new(index, [], type);

    private static int[] Token(JsonElement element, string name, string at)
    {
        var token = TokenizerJson.Child(element, name);
        return token.ValueKind == JsonValueKind.Array && token.GetArrayLength() == 2 && TokenizerJson.TryInteger(token[1], out var id) && id >= 0
            ? [id]
            : throw new InvalidDataException($"{at}.{name} must be [token, id]");
    }

    private static List<Piece> Template(JsonElement element, string name, string at)
    {
        var pieces = new List<Piece>();
        var special = TokenizerJson.Child(element, "special_tokens");
        if (name == "pair" && TokenizerJson.Child(element, name).ValueKind is JsonValueKind.Undefined or JsonValueKind.Null)
        {
            return [Text(0, 0), Text(1, 1)];
        }

        TokenizerJson.ForEach(element, name, at, (item, place) =>
        {
            if (TokenizerJson.Child(item, "SpecialToken") is { ValueKind: JsonValueKind.Object } token)
            {
                var content = TokenizerJson.Text(token, "id", $"{place}.SpecialToken");
                var ids = new List<int>();
                TokenizerJson.ForEach(TokenizerJson.Child(special, content), "ids", $"{at}.special_tokens[\"{content}\"]", (id, where) =>
                    ids.Add(TokenizerJson.TryInteger(id, out var number) && number >= 0 ? number : throw new InvalidDataException($"{where} must be a non-negative integer")));
                pieces.Add(Special([.. ids], Type(token, $"{place}.SpecialToken")));
            }
            else
            {
                var sequence = TokenizerJson.Child(item, "Sequence");
                var index = sequence.ValueKind == JsonValueKind.Object ? TokenizerJson.Text(sequence, "id", $"{place}.Sequence") : "";
                if (index is not ("A" or "B") || (index == "B" && name == "single"))
                {
                    throw new InvalidDataException($"{place} must be a SpecialToken, or a Sequence with id \"A\"{(name == "pair" ? " or \"B\"" : "")}");
                }

                pieces.Add(Text(index == "A" ? 0 : 1, Type(sequence, $"{place}.Sequence")));
            }
        });
        return pieces;

        static int Type(JsonElement item, string place) =>
            TokenizerJson.Child(item, "type_id").ValueKind == JsonValueKind.Undefined ? 0 : TokenizerJson.Integer(item, "type_id", place);
    }

    /// <summary>A part of the result: the text with this number, or where that is -1, special tokens.</summary>
    public readonly record struct Piece(int Text, int[] Ids, int TypeId);
}
