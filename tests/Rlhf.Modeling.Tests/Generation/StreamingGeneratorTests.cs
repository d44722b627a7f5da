using Rlhf.Modeling.Generation;
using Rlhf.Modeling.Transformer;
using Rlhf.Torch.Extensions;
using TorchSharp;
using static TorchSharp.torch;
using TextGenerator = Rlhf.Modeling.Generation.Generator;

namespace Rlhf.Modeling.Tests.Generation;

public sealed class StreamingGeneratorTests
{
    private static readonly SamplingParameters Endless = new() { MaxNewTokens = 60, MinNewTokens = 60 };

    [Fact]
    public async Task StreamAsync_ManyAtOnce_EachGetsWhatItWouldGetAlone()
    {
        var tokenizer = TinyModels.Tokenizer();
        using var model = TinyModels.Causal(TinyModels.Config with { VocabSize = tokenizer.VocabSize });
        var requests = Enumerable.Range(0, 12).Select(i => new GenerationRequest(
            tokenizer.Encode(i % 2 == 0 ? "the cat" : "a dog sat on"),
            new SamplingParameters { MaxNewTokens = 5 + (2 * i), NumReturnSequences = 1 + (i % 3), Temperature = 0.9 },
            Seed: (ulong)i,
            FirstSequence: 3)).ToArray();
        var expected = requests.Select(request => new TextGenerator(model, tokenizer).Generate([request])).ToArray();

        await using var generator = new StreamingGenerator(model, tokenizer, new GeneratorOptions { MaxBatchSize = 5 });
        var streams = await Task.WhenAll(requests.Select(async request =>
        {
            var tokens = new List<GeneratedToken>();
            await foreach (var token in generator.StreamAsync(request, TestContext.Current.CancellationToken))
            {
                tokens.Add(token);
            }

            return tokens;
        }));
        for (var i = 0; i < requests.Length; i++)
        {
            for (var sequence = 0; sequence < expected[i].Count; sequence++)
            {
                var tokens = streams[i].Where(token => token.Sequence == sequence).ToArray();
                Assert.Equal(expected[i][sequence].Ids, tokens.Select(token => token.Id));
                Assert.Equal(expected[i][sequence].Text, string.Concat(tokens.Select(token => token.Text)));
                Assert.Equal(expected[i][sequence].FinishReason, tokens[^1].FinishReason);
                Assert.All(tokens[..^1], token => Assert.Null(token.FinishReason));
            }
        }
    }

    [Fact]
    public async Task StreamAsync_LeftOrCancelled_FreesTheOnlySlot()
    {
        using var model = TinyModels.Causal();
        await using var generator = new StreamingGenerator(model, options: new GeneratorOptions { MaxBatchSize = 1 });
        await foreach (var token in generator.StreamAsync(new GenerationRequest([3], Endless, 0), TestContext.Current.CancellationToken))
        {
            break;
        }

        using var cancelled = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (var token in generator.StreamAsync(new GenerationRequest([3], Endless, 0), cancelled.Token))
            {
                await cancelled.CancelAsync();
            }
        });
        Assert.Equal(60, await CountAsync(generator, new GenerationRequest([3], Endless, 0)));
    }

    [Fact]
    public async Task StreamAsync_IllegalRequest_FailsBeforeAnythingRuns()
    {
        using var model = TinyModels.Causal();
        await using var generator = new StreamingGenerator(model, options: new GeneratorOptions { MaxBatchSize = 2, MaxSequenceLength = 20 });
        Fault("prompt 0 is empty", [], new SamplingParameters { MaxNewTokens = 5 });
        Fault("with MaxNewTokens 18 that exceeds MaxSequenceLength (20)", [3, 4, 5], new SamplingParameters { MaxNewTokens = 18 });
        Fault("needs 3 sequences at a time, but there is room for 2", [3], new SamplingParameters { MaxNewTokens = 5, NumReturnSequences = 3 });
        Assert.Contains("MaxCacheBytes", Assert.Throws<ArgumentException>(() => new StreamingGenerator(model, options: new GeneratorOptions { MaxCacheBytes = 100 })).Message, StringComparison.Ordinal);
        Assert.Contains("MaxSequenceLength (0)", Assert.Throws<ArgumentException>(() => new StreamingGenerator(model, options: new GeneratorOptions { MaxSequenceLength = 0 })).Message, StringComparison.Ordinal);

        void Fault(string expected, int[] prompt, SamplingParameters parameters) => Assert.Contains(
            expected, Assert.Throws<ArgumentException>(() => generator.StreamAsync(new GenerationRequest(prompt, parameters, 0))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task StreamAsync_RequestThatCannotGoOn_FailsAlone()
    {
        using var model = TinyModels.Causal();
        await using var generator = new StreamingGenerator(model);
        var bias = Enumerable.Range(0, model.Config.VocabSize).ToDictionary(id => id, _ => float.NegativeInfinity);
        var good = CountAsync(generator, new GenerationRequest([3], Endless, 0));
        await Assert.ThrowsAsync<InvalidOperationException>(() => CountAsync(generator, new GenerationRequest([3], new SamplingParameters { LogitBias = bias, MaxNewTokens = 5 }, 0)));
        Assert.Equal(60, await good);
    }

    [Fact]
    public async Task StreamAsync_BrokenModel_EveryReaderLearnsOfIt()
    {
        using var model = TinyModels.Causal();
        using (no_grad())
        {
            model.OutputWeight.fill_(float.NaN);
        }

        await using var generator = new StreamingGenerator(model);
        for (var i = 0; i < 2; i++)
        {
            var exception = await Assert.ThrowsAsync<InvalidOperationException>(() => CountAsync(generator, new GenerationRequest([3], Endless, 0)));
            Assert.Contains("not finite", exception.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task StreamAsync_DecoderFails_EveryReaderLearnsOfItNowAndLater()
    {
        using var model = TinyModels.Causal();
        var generator = new StreamingGenerator(model, null, null, (_, _, _) => throw new InvalidOperationException("no room"));
        var exception = await Assert.ThrowsAnyAsync<Exception>(() => CountAsync(generator, new GenerationRequest([3], Endless, 0)));
        Assert.True(exception is InvalidOperationException or OperationCanceledException, exception.ToString());
        var later = await Assert.ThrowsAsync<OperationCanceledException>(() => CountAsync(generator, new GenerationRequest([3], Endless, 0)));
        Assert.Contains("has stopped", later.Message, StringComparison.Ordinal);
        await generator.DisposeAsync();

        var decoder = new ScriptedDecoder(2, model.Config.VocabSize, text => text.Count < 9 ? new float[model.Config.VocabSize] : throw new TimeoutException("lost"));
        generator = new StreamingGenerator(model, null, new GeneratorOptions { MaxBatchSize = 2 }, (_, _, _) => decoder);
        var streams = Enumerable.Range(0, 4).Select(_ => CountAsync(generator, new GenerationRequest([3], Endless, 0))).ToArray();
        foreach (var stream in streams)
        {
            var lost = await Assert.ThrowsAnyAsync<Exception>(() => stream);
            Assert.True(lost is TimeoutException or OperationCanceledException, lost.ToString());
        }

        await generator.DisposeAsync();
        Assert.True(decoder.Disposed);
    }

    [Fact]
    public async Task DisposeAsync_WhileRequestsRun_EndsThemAndGivesTheMemoryBack()
    {
        // Long enough not to end by itself before it is stopped.
        const int Tokens = 60_000;
        using var model = TinyModels.Causal(TinyModels.Config with { MaxPositionEmbeddings = Tokens + 1 });
        var before = TinyModels.LiveTensors();
        var generator = new StreamingGenerator(model, options: new GeneratorOptions { MaxBatchSize = 1 });
        var streams = Enumerable.Range(0, 3).Select(i => generator.StreamAsync(new GenerationRequest([3], Endless with { MaxNewTokens = Tokens }, 0)).GetAsyncEnumerator()).ToArray();
        Assert.True(await streams[0].MoveNextAsync());
        await generator.DisposeAsync();
        foreach (var stream in streams)
        {
            await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
            {
                while (await stream.MoveNextAsync())
                {
                }
            });
        }

        Assert.Throws<ObjectDisposedException>(() => generator.StreamAsync(new GenerationRequest([3], Endless, 0)));
        await generator.DisposeAsync();
        Assert.Equal(before, TorchRuntime.LiveTensors);
    }

    private static async Task<int> CountAsync(StreamingGenerator generator, GenerationRequest request)
    {
        var count = 0;
        await foreach (var token in generator.StreamAsync(request, TestContext.Current.CancellationToken))
        {
            count++;
        }

        return count;
    }
}
