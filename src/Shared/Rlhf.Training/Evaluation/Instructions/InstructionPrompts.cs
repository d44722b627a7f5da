using System.Text.Json;
using System.Text.Json.Nodes;
using Rlhf.Datasets;

namespace Rlhf.Training.Evaluation.Instructions;

/// <summary>Requests with verifiable instructions: a list of our own, or a file in IFEval's format.</summary>
public static class InstructionPrompts
{
    /// <summary>Requests in the vocabulary of the task families, so that the small base model has a chance.</summary>
    public static IReadOnlyList<InstructionPrompt> BuiltIn { get; } =
    [
        One("Tell me about a dog. Use less than ten words.", "length_constraints:number_words", new { num_words = 10, relation = "less than" }),
        One("Tell me about a garden. Use at least fifteen words.", "length_constraints:number_words", new { num_words = 15, relation = "at least" }),
        One("Tell me a story about a cat. Use at least three sentences.", "length_constraints:number_sentences", new { num_sentences = 3, relation = "at least" }),
        One("Say something about a boat in one sentence.", "length_constraints:number_sentences", new { num_sentences = 2, relation = "less than" }),
        One("Tell me a story with the words kite and river.", "keywords:existence", new { keywords = new[] { "kite", "river" } }),
        One("Tell me a story about a bear. Use the word honey two times.", "keywords:frequency", new { keyword = "honey", frequency = 2, relation = "at least" }),
        One("Tell me a story about a friend. Do not use the word happy.", "keywords:forbidden_words", new { forbidden_words = new[] { "happy" } }),
        One("Name three animals. Do not use commas.", "punctuation:no_comma", new { }),
        One("Name two colours. Write only small letters.", "change_case:english_lowercase", new { }),
        One("Name two toys. WRITE ONLY BIG LETTERS.", "change_case:english_capital", new { }),
        One("Name three toys. Put each after a * on a line of its own.", "detectable_format:number_bullet_lists", new { num_bullets = 3 }),
        One("Tell me a story about a fox and end it with the words The end.", "startend:end_checker", new { end_phrase = "The end." }),
        One("Say hello to Anna. Put quotation marks around your answer.", "startend:quotation", new { }),
        One("Write a story about a duck with a title like <<The duck>>.", "detectable_format:title", new { }),
        One("Thank Ben for the ball. Begin a last line with P.S.", "detectable_content:postscript", new { postscript_marker = "P.S." }),
        new(
            "Tell me a story about a red ball. Use less than thirty words and do not use commas.",
            [Create("keywords:existence", new { keywords = new[] { "red", "ball" } }), Create("length_constraints:number_words", new { num_words = 30, relation = "less than" }), Create("punctuation:no_comma", new { })]),
    ];

    /// <summary>
    /// A .jsonl file of IFEval's format: <c>prompt</c>, <c>instruction_id_list</c> and <c>kwargs</c>, an object for each id (null arguments do not count).
    /// </summary>
    /// <exception cref="DatasetException">With every row that is not like that, or names a check there is not; or if there is no prompt.</exception>
    public static IReadOnlyList<InstructionPrompt> Read(string path) => DatasetReader.ReadAll(path, format: null, Parse);

    private static InstructionPrompt Parse(JsonObject row)
    {
        var prompt = EvaluationColumns.Required(row, "prompt");
        if (row["instruction_id_list"] is not JsonArray { Count: > 0 } ids || ids.Any(id => id?.GetValueKind() != JsonValueKind.String)
            || row["kwargs"] is not JsonArray arguments || arguments.Count != ids.Count || arguments.Any(a => a is not JsonObject))
        {
            throw new FormatException("it must have a list of strings \"instruction_id_list\" and as many objects in \"kwargs\"");
        }

        try
        {
            return new InstructionPrompt(prompt, [.. ids.Zip(arguments, (id, a) => InstructionChecks.Create(id!.GetValue<string>(), JsonSerializer.SerializeToElement(a)))]);
        }
        catch (InvalidDataException exception)
        {
            throw new FormatException(exception.Message, exception);
        }
    }

    private static InstructionPrompt One(string prompt, string id, object arguments) => new(prompt, [Create(id, arguments)]);

    private static VerifiableInstruction Create(string id, object arguments) => InstructionChecks.Create(id, JsonSerializer.SerializeToElement(arguments));
}
