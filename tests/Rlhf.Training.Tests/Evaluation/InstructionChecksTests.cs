using System.Text.Json;
using Rlhf.Datasets;
using Rlhf.Training.Evaluation.Instructions;

namespace Rlhf.Training.Tests.Evaluation;

public sealed class InstructionChecksTests
{
    [Theory]
    [InlineData("keywords:existence", """{"keywords":["cat","red hat"]}""", "A Cat with a red hat.", "A catalogue with a red hat.")]
    [InlineData("keywords:frequency", """{"keyword":"cat","frequency":2,"relation":"at least"}""", "cat, CAT", "cat catalogue")]
    [InlineData("keywords:forbidden_words", """{"forbidden_words":["sad"]}""", "A saddle.", "So Sad!")]
    [InlineData("keywords:letter_frequency", """{"letter":"A","let_frequency":3,"let_relation":"at least"}""", "Anna sat", "Anna")]
    [InlineData("length_constraints:number_words", """{"num_words":4,"relation":"less than"}""", "I don't know.", "one two three four")]
    [InlineData("length_constraints:number_sentences", """{"num_sentences":2,"relation":"at least"}""", "Yes! No.", "Only one...")]
    [InlineData("length_constraints:number_paragraphs", """{"num_paragraphs":2}""", "one\n***\ntwo", "one\n\ntwo")]
    [InlineData("detectable_content:postscript", """{"postscript_marker":"P.S."}""", "Bye. p.s. I am here.", "Bye.")]
    [InlineData("detectable_format:number_bullet_lists", """{"num_bullets":2}""", "* a\n- b", "* a\n* b\n* c")]
    [InlineData("detectable_format:number_highlighted_sections", """{"num_highlights":2}""", "*a* and *b*", "*a* and b")]
    [InlineData("detectable_format:title", "{}", "<<The cat>>\nIt sat.", "The cat sat.")]
    [InlineData("detectable_format:json_format", "{}", "```json\n{\"a\": 1}\n```", "{a: 1}")]
    [InlineData("change_case:english_capital", "{}", "YES, 3!", "YES, No")]
    [InlineData("change_case:english_lowercase", "{}", "yes, 3!", "Yes")]
    [InlineData("change_case:capital_word_frequency", """{"capital_frequency":2,"capital_relation":"at least"}""", "YES I do", "Yes Sir")]
    [InlineData("startend:end_checker", """{"end_phrase":"The end."}""", "It slept. the end.", "The end. It slept.")]
    [InlineData("startend:quotation", "{}", " \"Hello.\" ", "\"Hello.")]
    [InlineData("punctuation:no_comma", "{}", "a and b", "a, b")]
    [InlineData("combination:repeat_prompt", """{"prompt_to_repeat":"Say hello."}""", "Say hello. Hello!", "Hello!")]
    public void IsFollowed_EveryCheck_TellsAGoodAnswerFromABadOne(string id, string arguments, string good, string bad)
    {
        using var json = JsonDocument.Parse(arguments);
        var instruction = InstructionChecks.Create(id, json.RootElement);

        Assert.True(InstructionChecks.IsFollowed(instruction, good));
        Assert.False(InstructionChecks.IsFollowed(instruction, bad));
        Assert.False(InstructionChecks.IsFollowed(instruction, "  "));
    }

    [Fact]
    public void Cases_CoverEveryId() => Assert.Equal(
        InstructionChecks.Ids.Order(StringComparer.Ordinal),
        typeof(InstructionChecksTests).GetMethod(nameof(IsFollowed_EveryCheck_TellsAGoodAnswerFromABadOne))!
            .GetCustomAttributes(typeof(InlineDataAttribute), false).Cast<InlineDataAttribute>().Select(a => (string)a.Data[0]!).Order(StringComparer.Ordinal));

    [Fact]
    public void IsLooselyFollowed_LooksPastTheFirstLineAndAsterisks()
    {
        using var none = JsonDocument.Parse("{}");
        var lower = InstructionChecks.Create("change_case:english_lowercase", none.RootElement);
        Assert.False(InstructionChecks.IsFollowed(lower, "Sure:\nred and blue"));
        Assert.True(InstructionChecks.IsLooselyFollowed(lower, "Sure:\nred and blue"));
        Assert.False(InstructionChecks.IsLooselyFollowed(lower, "RED"));
    }

    [Theory]
    [InlineData("keywords:existence", "{}", "keywords must be a list of strings")]
    [InlineData("length_constraints:number_words", """{"num_words":4,"relation":"more than"}""", "legal values are 'at least' and 'less than'")]
    [InlineData("language:response_language", "{}", "There is no check 'language:response_language'")]
    public void Create_IllegalInstruction_SaysWhy(string id, string arguments, string message)
    {
        using var json = JsonDocument.Parse(arguments);
        Assert.Contains(message, Assert.Throws<InvalidDataException>(() => InstructionChecks.Create(id, json.RootElement)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_FileOfIfevalsFormat_OrAFaultWithItsLine()
    {
        var path = Path.ChangeExtension(Path.GetTempFileName(), ".jsonl");
        try
        {
            File.WriteAllText(path, """{"key":1,"prompt":"Say it.","instruction_id_list":["punctuation:no_comma","keywords:existence"],"kwargs":[{},{"keywords":["it"]}]}""" + "\n\n");
            var prompt = Assert.Single(InstructionPrompts.Read(path));
            Assert.Equal(("Say it.", 2), (prompt.Prompt, prompt.Instructions.Count));

            File.AppendAllText(path, """{"prompt":"x","instruction_id_list":["no:such"],"kwargs":[{}]}""");
            Assert.Contains("line 3: There is no check 'no:such'", Assert.Throws<DatasetException>(() => InstructionPrompts.Read(path)).Message, StringComparison.Ordinal);
            File.WriteAllText(path, "{\"prompt\":\"x\"}");
            Assert.Contains("line 1: it must have a list of strings \"instruction_id_list\"", Assert.Throws<DatasetException>(() => InstructionPrompts.Read(path)).Message, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(path);
        }
    }
}
