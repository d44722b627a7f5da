using Rlhf.Modeling.Tokenization;
using Rlhf.Training.Batching;

namespace Rlhf.Training.Tests.Batching;

public sealed class DialogueEncoderTests
{
    // A vocabulary of single bytes: tokens are characters, so lengths can be counted by hand.
    private static readonly Tokenizer Bytes = BpeTrainer.Train([""], 257, ["<|endoftext|>"]);

    [Fact]
    public void EncodePair_ShortTexts_IsPromptThenAnswerThenEnd()
    {
        var (prompt, answer) = new DialogueEncoder(Bytes, 200).EncodePair("Hi", "Yes");
        Assert.Equal("\n\nHuman: Hi\n\nAssistant:", Bytes.Decode(prompt));
        Assert.Equal(" Yes", Bytes.Decode(answer));
        Assert.Equal(Bytes.EosTokenId, answer[^1]);
    }

    [Fact]
    public void EncodePair_AnswerWasCutOff_HasNoEnd() =>
        Assert.NotEqual(Bytes.EosTokenId, new DialogueEncoder(Bytes, 200).EncodePair("Hi", "Yes", ended: false).Answer[^1]);

    [Fact]
    public void Layout_ImportedDialogue_StaysAsItIs()
    {
        const string Dialogue = "\n\nHuman: A\n\nAssistant: B\n\nHuman: C\n\nAssistant:";
        Assert.Equal(Dialogue, DialogueEncoder.Layout(Dialogue));
    }

    [Fact]
    public void EncodePrompt_TooLong_KeepsItsEnd()
    {
        var ids = new DialogueEncoder(Bytes, 30).EncodePrompt(new string('x', 100), answerTokens: 10);
        Assert.Equal(20, ids.Length);
        Assert.EndsWith("\n\nAssistant:", Bytes.Decode(ids), StringComparison.Ordinal);
    }

    [Fact]
    public void EncodePair_BothTooLong_FitsAndLeavesThePromptAQuarter()
    {
        var (prompt, answer) = new DialogueEncoder(Bytes, 40).EncodePair(new string('x', 100), new string('y', 100));
        Assert.Equal((10, 30), (prompt.Length, answer.Length));
    }
}
