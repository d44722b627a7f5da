using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Rlhf.Modeling.Tokenization;
using Rlhf.Modeling.Transformer;

namespace Rlhf.Modeling.Generation;

/// <summary>
/// Serves requests that come at any time, each as a stream of tokens. One thread of its own runs the model for all of them with
/// continuous batching; what a request gets is what <see cref="Generator"/> would give it.
/// </summary>
public sealed class StreamingGenerator : IAsyncDisposable
{
    private readonly CausalLanguageModel _model;
    private readonly Func<CausalLanguageModel, int, int, IDecoder> _createDecoder;
    private readonly Tokenizer? _tokenizer;
    private readonly GeneratorOptions _options;
    private readonly int _maxLength;
    private readonly string _limit;
    private readonly int _slots;
    private readonly TokenSampler _sampler;
    private readonly Channel<(SequenceGroup Group, ChannelWriter<GeneratedToken> Stream)> _arrivals =
        Channel.CreateUnbounded<(SequenceGroup, ChannelWriter<GeneratedToken>)>(new UnboundedChannelOptions { SingleReader = true });

    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _loop;

    /// <summary>Makes room for the keys and values of as many sequences as the options allow, and waits for requests.</summary>
    /// <param name="model">The model; its weights are used where they are. Not to be trained or used by another thread until this is disposed.</param>
    /// <param name="tokenizer">Gives texts, and is needed for stop strings.</param>
    /// <param name="options">What may be used of the machine.</param>
    /// <exception cref="ArgumentException">If the options are illegal, or not even one sequence would fit.</exception>
    public StreamingGenerator(CausalLanguageModel model, Tokenizer? tokenizer = null, GeneratorOptions? options = null)
        : this(model, tokenizer, options, (lm, slots, maxLength) => DecoderFactory.Create(lm, slots, maxLength, options?.LoadIn8Bit ?? false))
    {
    }

    internal StreamingGenerator(
        CausalLanguageModel model, Tokenizer? tokenizer, GeneratorOptions? options, Func<CausalLanguageModel, int, int, IDecoder> createDecoder)
    {
        ArgumentNullException.ThrowIfNull(model);
        _options = options ?? new GeneratorOptions();
        if (_options.Validate() is { Count: > 0 } faults)
        {
            throw new ArgumentException(string.Join("; ", faults), nameof(options));
        }

        _createDecoder = createDecoder;
        _model = model;
        _tokenizer = tokenizer;
        var longest = DecoderFactory.LongestText(model.Config);
        _maxLength = Math.Min(_options.MaxSequenceLength ?? longest, longest);
        _limit = _maxLength < longest ? nameof(GeneratorOptions.MaxSequenceLength) : "max_position_embeddings";
        _slots = DecoderFactory.Slots(model, _options.MaxBatchSize, needed: 1, _maxLength, _options);
        _sampler = new TokenSampler(model.Config.VocabSize);
        _loop = Task.Factory.StartNew(Loop, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    /// <summary>Generates the continuations of one prompt. The stream holds at most all tokens of its request, however slowly it is read.</summary>
    /// <param name="request">The prompt and how to continue it.</param>
    /// <param name="ct">Ends the request, and so does leaving the loop over the stream: its slots are free before the next step.</param>
    /// <returns>The tokens of all its sequences, in the order in which they are generated; beams come when the search has ended.</returns>
    /// <exception cref="ArgumentException">At once, if the request is illegal or too large; all faults are listed.</exception>
    /// <exception cref="InvalidOperationException">While reading, if the model's logits are not finite, or every token is forbidden.</exception>
    /// <exception cref="OperationCanceledException">While reading, if cancelled or this is being disposed.</exception>
    public IAsyncEnumerable<GeneratedToken> StreamAsync(GenerationRequest request, CancellationToken ct = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        ObjectDisposedException.ThrowIf(_stopping.IsCancellationRequested, this);
        RequestCheck.ThrowIfIllegal([request], _model.Config, _tokenizer, _maxLength, _limit);
        var tokens = Channel.CreateUnbounded<GeneratedToken>();
        var group = SequenceGroup.Create(request, _sampler, _model.Config.EosTokenIds, _tokenizer, token => tokens.Writer.TryWrite(token));
        if (group.Rows > _slots)
        {
            throw new ArgumentException($"the request needs {group.Rows} sequences at a time, but there is room for {_slots}", nameof(request));
        }

        return Read(group, tokens, ct);
    }

    /// <summary>Ends all requests and gives the memory back.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!_stopping.IsCancellationRequested)
        {
            await _stopping.CancelAsync();
            _arrivals.Writer.TryComplete();
        }

        await _loop;
        _stopping.Dispose();
    }

    // Nothing is queued before somebody reads: a stream that is never read costs nothing.
    private async IAsyncEnumerable<GeneratedToken> Read(
        SequenceGroup group, Channel<GeneratedToken> tokens, [EnumeratorCancellation] CancellationToken ct)
    {
        if (!_arrivals.Writer.TryWrite((group, tokens.Writer)))
        {
            throw new OperationCanceledException("the generator has stopped");
        }

        try
        {
            await foreach (var token in tokens.Reader.ReadAllAsync(ct))
            {
                yield return token;
            }
        }
        finally
        {
            group.Cancel();
        }
    }

    private void Loop()
    {
        var streams = new Dictionary<SequenceGroup, ChannelWriter<GeneratedToken>>();
        try
        {
            using var decoder = _createDecoder(_model, _slots, _maxLength);
            var scheduler = new BatchScheduler(decoder, _model.Config.VocabSize, _options.MaxPrefillTokens);
            while (scheduler.HasWork || WaitForArrival())
            {
                while (_arrivals.Reader.TryRead(out var arrival))
                {
                    streams.Add(arrival.Group, arrival.Stream);
                    scheduler.Add(arrival.Group);
                }

                scheduler.Step(_stopping.Token, Complete);
            }
        }
        catch (Exception exception)
        {
            // Whatever went wrong went wrong for all: whoever reads a stream learns of it there.
            _arrivals.Writer.TryComplete();
            while (_arrivals.Reader.TryRead(out var arrival))
            {
                arrival.Stream.TryComplete(exception);
            }

            foreach (var stream in streams.Values)
            {
                stream.TryComplete(exception);
            }
        }

        void Complete(SequenceGroup group)
        {
            streams.Remove(group, out var stream);
            stream!.TryComplete(group.Failure);
        }
    }

    private bool WaitForArrival() => _arrivals.Reader.WaitToReadAsync(CancellationToken.None).AsTask().GetAwaiter().GetResult();
}
