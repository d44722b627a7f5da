using System.Text.Json;

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
    /// <exception cref="InvalidDataException">If a line is not like that, or names a check there is not; names file and line.</exception>
    public static IReadOnlyList<InstructionPrompt> Read(string path)
    {
        var prompts = EvaluationFiles.Lines(path).Select(l => Parse(path, l.Text, l.Number)).ToList();
        return prompts.Count > 0 ? prompts : throw new InvalidDataException($"{path}: there is no prompt in it.");
    }

    private static InstructionPrompt Parse(string path, string line, int number)
    {
        var row = EvaluationFiles.Object(path, line, number);
        if (EvaluationFiles.Text(row, "prompt") is not { } prompt
            || !row.TryGetProperty("instruction_id_list", out var ids) || ids.ValueKind != JsonValueKind.Array || ids.GetArrayLength() == 0
            || ids.EnumerateArray().Any(id => id.ValueKind != JsonValueKind.String)
            || !row.TryGetProperty("kwargs", out var arguments) || arguments.ValueKind != JsonValueKind.Array || arguments.GetArrayLength() != ids.GetArrayLength()
            || arguments.EnumerateArray().Any(a => a.ValueKind != JsonValueKind.Object))
        {
            throw new InvalidDataException($"{path}, line {number}: must be an object with a string \"prompt\", a list \"instruction_id_list\" and as many objects in \"kwargs\".");
        }

        try
        {
            return new InstructionPrompt(prompt, [.. ids.EnumerateArray().Zip(arguments.EnumerateArray(), (id, a) => InstructionChecks.Create(id.GetString()!, a))]);
        }
        catch (InvalidDataException exception)
        {
            throw new InvalidDataException($"{path}, line {number}: {exception.Message}", exception);
        }
    }

    private static InstructionPrompt One(string prompt, string id, object arguments) => new(prompt, [Create(id, arguments)]);

    private static VerifiableInstruction Create(string id, object arguments) => InstructionChecks.Create(id, JsonSerializer.SerializeToElement(arguments));
}
