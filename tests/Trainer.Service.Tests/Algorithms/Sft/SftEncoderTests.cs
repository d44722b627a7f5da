using Rlhf.Datasets;
using Rlhf.Modeling.Chat;
using Rlhf.Modeling.Tokenization;
using Rlhf.Training.Hyperparameters;
using Trainer.Service.Algorithms.Sft;

namespace Trainer.Service.Tests.Algorithms.Sft;

/// <summary>Which tokens of a row are learned.</summary>
public sealed class SftEncoderTests
{
    private const string ChatMl =
        "{% for message in messages %}<|{{ message['role'] }}|>{% if message['role'] == 'assistant' %}{% generation %}{{ message['content'] }}.{% endgeneration %}"
        + "{% else %}{{ message['content'] }}{% endif %}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}";

    // A vocabulary of single bytes: tokens are characters.
    private static readonly Tokenizer Bytes = BpeTrainer.Train([""], 257, ["<|endoftext|>"]);

    private static readonly DatasetRow Conversation = Row("""{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Yes"},{"role":"user","content":"Why"},{"role":"assistant","content":"So"}]}""");

    private static readonly DatasetRow Pair = Row("""{"prompt":[{"role":"user","content":"Hi"}],"completion":[{"role":"assistant","content":"Yes"}]}""");

    [Fact]
    public void AssistantOnly_ConversationWithoutTemplate_LearnsAnswersAndTheEnd()
    {
        var example = Encode(new SftConfig { AssistantOnlyLoss = true }, null, Conversation).Single();

        Assert.Equal(" Yes So<|endoftext|>", Learned(example));
        Assert.Equal("\n\nHuman: Hi\n\nAssistant: Yes\n\nHuman: Why\n\nAssistant: So<|endoftext|>", Text([.. example.Prompt, .. example.Completion]));
    }

    [Fact]
    public void Default_Conversation_LearnsEverythingButTheFirstToken() =>
        Assert.Equal("\nHuman: Hi\n\nAssistant: Yes\n\nHuman: Why\n\nAssistant: So<|endoftext|>", Learned(Encode(new SftConfig(), null, Conversation).Single()));

    [Fact]
    public void Template_OfTheModel_IsUsedForConversationsAndPairs()
    {
        Assert.Equal("Yes.So.", Learned(Encode(new SftConfig { AssistantOnlyLoss = true }, ChatMl, Conversation).Single()));

        // What the template writes behind the prompt; it writes no end-of-text, which is added.
        var pair = Encode(new SftConfig(), ChatMl, Pair).Single();
        Assert.Equal("<|user|>Hi<|assistant|>", Text(pair.Prompt));
        Assert.Equal("Yes.<|endoftext|>", Learned(pair));
    }

    [Fact]
    public void CompletionOnly_PairsAndPreferences_LearnTheChosenCompletion()
    {
        Assert.Equal(" Yes<|endoftext|>", Learned(Encode(new SftConfig(), null, Pair).Single()));
        Assert.Equal("\nHuman: Hi\n\nAssistant: Yes<|endoftext|>", Learned(Encode(new SftConfig { CompletionOnlyLoss = false }, null, Pair).Single()));
        Assert.Equal(" good<|endoftext|>", Learned(Encode(new SftConfig(), null, Row("""{"prompt":"Hi","chosen":"good","rejected":"bad"}""")).Single()));
        Assert.Empty(Encode(new SftConfig(), null, Row("""{"prompt":"Hi","completion":"bad","label":false}""")));
    }

    [Fact]
    public void Text_Rows_AreLearnedWithTheirEndAndCutToTheLength()
    {
        Assert.Equal("bcdef<|endoftext|>", Learned(Encode(new SftConfig(), null, Row("""{"text":"abcdef"}""")).Single()));
        Assert.Equal("bcd", Learned(Encode(new SftConfig { MaxLength = 4 }, null, Row("""{"text":"abcdef"}""")).Single()));

        // All answers were cut off: nothing is left to learn.
        Assert.Empty(Encode(new SftConfig { MaxLength = 6, AssistantOnlyLoss = true }, null, Conversation));
        Assert.Empty(Encode(new SftConfig(), null, Row("""{"text":""}""")));
    }

    [Fact]
    public void Settings_ThatDoNotFitTheRows_AreRefused()
    {
        Assert.Contains("assistant_only_loss needs conversations", Fault(new SftConfig { AssistantOnlyLoss = true }, Row("""{"text":"abc"}""")), StringComparison.Ordinal);
        Assert.Contains("line 1: assistant_only_loss needs conversations", Fault(new SftConfig { AssistantOnlyLoss = true }, Row("""{"prompt":"a","completion":"b"}""")), StringComparison.Ordinal);
        Assert.Contains("completion_only_loss is true", Fault(new SftConfig { CompletionOnlyLoss = true }, Conversation), StringComparison.Ordinal);
        Assert.Contains("hold no prompt-completion rows", Fault(new SftConfig(), Row("""{"prompt":"only"}""")), StringComparison.Ordinal);
        var fault = Assert.Throws<HyperparametersException>(() => Encode(new SftConfig { AssistantOnlyLoss = true }, "{{ messages[0]['content'] }}", Conversation));
        Assert.Contains("{% generation %}", fault.Message, StringComparison.Ordinal);
    }

    private static string Fault(SftConfig config, DatasetRow row) => Assert.Throws<DatasetException>(() => Encode(config, null, row)).Message;

    private static IReadOnlyList<SftExample> Encode(SftConfig config, string? template, DatasetRow row) =>
        new SftEncoder(config, Bytes, positions: 200, template is null ? null : ChatTemplate.Parse(template)).Encode([row]);

    private static DatasetRow Row(string json)
    {
        using var reader = new DatasetReader(new MemoryStream(System.Text.Encoding.UTF8.GetBytes(json)), "row.jsonl");
        return reader.Rows().Single();
    }

    private static string Learned(SftExample example) => Text([.. example.Completion.Where((_, t) => example.Labels?[t] ?? true)]);

    private static string Text(int[] ids) => Bytes.Decode(ids, skipSpecialTokens: false);
}
