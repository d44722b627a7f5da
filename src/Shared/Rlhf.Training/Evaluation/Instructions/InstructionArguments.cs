using System.Text.Json;

namespace Rlhf.Training.Evaluation.Instructions;

/// <summary>The arguments of one instruction, read with errors that name the argument.</summary>
/// <param name="id">The instruction.</param>
/// <param name="json">The object.</param>
internal sealed class InstructionArguments(string id, JsonElement json)
{
    private const string AtLeast = "at least", LessThan = "less than";

    public int Number(string name, int low = 0) =>
        Find(name) is { ValueKind: JsonValueKind.Number } value && value.TryGetInt32(out var number) && number >= low
            ? number
            : throw new InvalidDataException($"{id}: {name} must be a whole number of at least {low}.");

    public string Text(string name) =>
        Find(name) is { ValueKind: JsonValueKind.String } value && value.GetString() is { Length: > 0 } text
            ? text
            : throw new InvalidDataException($"{id}: {name} must be a string that is not empty.");

    public string[] Texts(string name) =>
        Find(name) is { ValueKind: JsonValueKind.Array } value && value.GetArrayLength() > 0 && value.EnumerateArray().All(v => v.ValueKind == JsonValueKind.String)
            ? [.. value.EnumerateArray().Select(v => v.GetString()!)]
            : throw new InvalidDataException($"{id}: {name} must be a list of strings that is not empty.");

    /// <summary>A comparison of a count with a number: "at least" or "less than".</summary>
    public Func<int, bool> Relation(string relation, string number)
    {
        var limit = Number(number);
        return Text(relation) switch
        {
            AtLeast => count => count >= limit,
            LessThan => count => count < limit,
            var other => throw new InvalidDataException($"{id}: {relation} is '{other}'; legal values are '{AtLeast}' and '{LessThan}'."),
        };
    }

    private JsonElement? Find(string name) => json.TryGetProperty(name, out var value) ? value : null;
}
