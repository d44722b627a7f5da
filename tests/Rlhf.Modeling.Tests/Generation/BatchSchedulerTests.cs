using Rlhf.Modeling.Generation;

namespace Rlhf.Modeling.Tests.Generation;

public sealed class BatchSchedulerTests
{
    private const int VocabSize = 100;
    private const int End = 99;

    /// <summary>A prompt [a, n] is continued with a until its text has n tokens in all; then comes the end.</summary>
    private static ScriptedDecoder Counting(int capacity) => ScriptedDecoder.Saying(capacity, VocabSize, text => text.Count < text[1] ? text[0] : End);

    [Fact]
    public void Step_MoreRequestsThanSlots_AreAdmittedInOrderAsOthersFinish()
    {
        // Lengths in tokens with the end: 1, 4, 2, 3. Two slots: 0 and 1 begin, 2 follows 0 at once, 3 follows 2.
        var decoder = Counting(2);
        var finished = Run(decoder, [Request(10, 2), Request(11, 5), Request(12, 3), Request(13, 4)]);
        Assert.Equal([10, 12, 11, 13], finished.Select(group => group.Request.PromptIds[0]));
        Assert.Equal([[10, 11], [12], [13]], decoder.Prefills.Select(prompts => prompts.Select(prompt => prompt[0]).ToArray()));
        Assert.Equal(0, decoder.Filled);

        // Tokens after each first one: 0 + 3 + 1 + 2.
        Assert.Equal(6, decoder.StepRows.Sum());
        Assert.Equal([2, 2, 2], decoder.StepRows);
    }

    [Fact]
    public void Step_RequestThatNeedsManySlots_IsNotOvertaken()
    {
        var decoder = Counting(3);
        var wide = new GenerationRequest([12, 4], new SamplingParameters { NumReturnSequences = 3 }, 0);
        Run(decoder, [Request(10, 5), Request(11, 3), wide, Request(13, 2)]);
        Assert.Equal([[10, 11], [12], [13]], decoder.Prefills.Select(prompts => prompts.Select(prompt => prompt[0]).ToArray()));
    }

    [Fact]
    public void Step_LongPrompts_AreReadInSeveralPasses()
    {
        // With padding: 3 + 3 are 6; a third of 5 would make 15, more than 10; the fourth of 12 is too long for any pass and has its own.
        var decoder = Counting(8);
        Run(decoder, [Prompt(3), Prompt(3), Prompt(5), Prompt(12), Prompt(2)]);
        Assert.Equal([[3, 3], [5], [12], [2]], decoder.Prefills.Select(prompts => prompts.Select(prompt => prompt.Length).ToArray()));

        static GenerationRequest Prompt(int length) => new([7, 0, .. new int[length - 2]], new SamplingParameters(), 0);
    }

    [Fact]
    public void Step_SeveralSequences_ReadThePromptOnceAndFork()
    {
        var decoder = Counting(4);
        var scheduler = new BatchScheduler(decoder, VocabSize, 100);
        scheduler.Add(Group(new GenerationRequest([10, 6], new SamplingParameters { NumReturnSequences = 4 }, 0)));
        while (scheduler.HasWork)
        {
            scheduler.Step(default);
        }

        Assert.Equal([10, 6], Assert.Single(Assert.Single(decoder.Prefills)));
        Assert.Equal((2, 16), (scheduler.PrefilledTokens, scheduler.DecodedRows));
    }

    [Fact]
    public void Step_CancelledRequests_GiveTheirSlotsToOthers()
    {
        var decoder = Counting(2);
        var scheduler = new BatchScheduler(decoder, VocabSize, 100);
        var groups = new[] { Group(Request(10, 50)), Group(Request(11, 3)), Group(Request(12, 50)), Group(Request(13, 3)) };
        Array.ForEach(groups, scheduler.Add);
        scheduler.Step(default);
        groups[0].Cancel();
        groups[2].Cancel();
        var left = new List<SequenceGroup>();
        scheduler.Step(default, left.Add);
        Assert.Equal([groups[0], groups[2]], left.Where(group => group.Failure is OperationCanceledException));
        while (scheduler.HasWork)
        {
            scheduler.Step(default);
        }

        Assert.Equal([[10, 11], [13]], decoder.Prefills.Select(prompts => prompts.Select(prompt => prompt[0]).ToArray()));
        Assert.Equal((0, "stop"), (decoder.Filled, groups[3].Results![0].FinishReason));
    }

    [Fact]
    public void Step_RequestThatCannotGoOn_FailsAlone()
    {
        // Its second token would have to be 10 or the end, and everything but 10 is forbidden, then 10 too as a repetition.
        var bias = Enumerable.Range(0, VocabSize).Where(id => id != 10).ToDictionary(id => id, _ => float.NegativeInfinity);
        var doomed = new GenerationRequest([10, 9], new SamplingParameters { LogitBias = bias, NoRepeatNgramSize = 2 }, 0);
        var decoder = Counting(2);
        var finished = Run(decoder, [doomed, Request(11, 5)]);
        Assert.Contains("every token is forbidden", finished[0].Failure!.Message, StringComparison.Ordinal);
        Assert.Equal([11, 11, 11, End], finished[1].Results![0].Ids);
        Assert.Equal(0, decoder.Filled);
    }

    [Fact]
    public void Step_Beams_ReturnEverySlot()
    {
        var decoder = ScriptedDecoder.Saying(4, VocabSize, text => (text[^1] * 7) % VocabSize);
        var beams = new GenerationRequest([3, 5], new SamplingParameters { Temperature = 0, NumBeams = 4, MaxNewTokens = 9, RepetitionPenalty = 1.7 }, 0);
        var finished = Run(decoder, [beams, beams]);
        Assert.Equal((2, 0), (finished.Count, decoder.Filled));
        Assert.Equal(finished[0].Results![0].Ids, finished[1].Results![0].Ids);
        Assert.All(decoder.StepRows, rows => Assert.InRange(rows, 1, 4));
    }

    /// <summary>Every token has the same probabilities: id 0, id 1, the end.</summary>
    /// <param name="earlyStopping">When the search of 2 beams ends.</param>
    /// <param name="lengthPenalty">Makes long texts cheaper.</param>
    /// <param name="probabilities">What each step adds.</param>
    /// <param name="steps">How many steps follow the prompt.</param>
    /// <param name="lengths">Tokens of the two results.</param>
    [Theory]

    // After the prompt: [end] 0.4 is a hypothesis. Step 1: of 00 0.25, 0-end 0.2 the second is one too: with True that is enough. ln 0.2 may still
    // be beaten by what comes of 0.25; after step 2 the best is 000 with 0.125.
    [InlineData(EarlyStopping.True, 0, new[] { 0.5, 0.1, 0.4 }, 1, new[] { 1, 2 })]
    [InlineData(EarlyStopping.False, 0, new[] { 0.5, 0.1, 0.4 }, 2, new[] { 1, 2 })]

    // [end] 0.9 and, in step 1, 0-end 0.081 (ln 0.081 / 2 = −1.257), also the best at this length: done. At length 5 it could be ln 0.081 / 5 = −0.50,
    // after step 2 ln 0.00729 / 5 = −0.98, after step 3 ln 0.000656 / 5 = −1.47.
    [InlineData(EarlyStopping.False, 1, new[] { 0.09, 0.01, 0.9 }, 1, new[] { 1, 2 })]
    [InlineData(EarlyStopping.Never, 1, new[] { 0.09, 0.01, 0.9 }, 3, new[] { 1, 2 })]
    public void Step_Beams_EndAsEarlyStoppingSays(EarlyStopping earlyStopping, double lengthPenalty, double[] probabilities, int steps, int[] lengths)
    {
        var decoder = new ScriptedDecoder(2, 3, _ => [.. probabilities.Select(p => (float)Math.Log(p))]);
        var parameters = new SamplingParameters
        {
            Temperature = 0, NumBeams = 2, NumReturnSequences = 2, MaxNewTokens = 5, EarlyStopping = earlyStopping, LengthPenalty = lengthPenalty,
        };
        var scheduler = new BatchScheduler(decoder, 3, 10);
        var group = SequenceGroup.Create(new GenerationRequest([0], parameters, 0), new TokenSampler(3), [2], null, null);
        scheduler.Add(group);
        while (scheduler.HasWork)
        {
            scheduler.Step(default);
        }

        Assert.Equal(steps, decoder.StepRows.Count);
        Assert.Equal(lengths, group.Results!.Select(sequence => sequence.Ids.Length));
        Assert.All(group.Results!, sequence => Assert.Equal("stop", sequence.FinishReason));
    }

    private static GenerationRequest Request(int token, int length) => new([token, length], new SamplingParameters { Temperature = 0 }, 0);

    private static SequenceGroup Group(GenerationRequest request) =>
        SequenceGroup.Create(request with { Parameters = request.Parameters with { TopK = 1 } }, new TokenSampler(VocabSize), [End], null, null);

    private static List<SequenceGroup> Run(ScriptedDecoder decoder, GenerationRequest[] requests)
    {
        var scheduler = new BatchScheduler(decoder, VocabSize, maxPrefillTokens: 10);
        Array.ForEach(requests, request => scheduler.Add(Group(request)));
        var finished = new List<SequenceGroup>();
        while (scheduler.HasWork)
        {
            scheduler.Step(default, finished.Add);
        }

        return finished;
    }
}
