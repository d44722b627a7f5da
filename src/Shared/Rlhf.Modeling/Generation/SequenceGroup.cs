using Rlhf.Modeling.Tokenization;

namespace Rlhf.Modeling.Generation;

// Legend: R rows of the group, V vocabulary

/// <summary>
/// One request on its way: rows that begin with the same prompt, each in a slot of the decoder. Row i's next token is appended in the
/// next step.
/// </summary>
internal abstract class SequenceGroup
{
    private readonly List<int> _slots = [];
    private readonly Action<GeneratedToken>? _onToken;
    private SlotPool? _pool;
    private volatile bool _cancelled;

    protected SequenceGroup(GenerationRequest request, int[] eosIds, Tokenizer? tokenizer, Action<GeneratedToken>? onToken)
    {
        Request = request;
        EndIds = [.. eosIds.Union(request.Parameters.StopTokenIds)];
        Tokenizer = tokenizer;
        _onToken = onToken;
    }

    public GenerationRequest Request { get; }

    /// <summary>How many slots it holds now or, before it has begun, will need.</summary>
    public abstract int Rows { get; }

    /// <summary>The slots of the rows that need another step, in order.</summary>
    public IReadOnlyList<int> Slots => _slots;

    /// <summary>Its continuations, once it has finished.</summary>
    public GeneratedSequence[]? Results { get; protected set; }

    /// <summary>Why it ended early; null if it did not.</summary>
    public Exception? Failure { get; private set; }

    /// <summary>No more steps are needed.</summary>
    public bool Finished => Results is not null || Failure is not null;

    /// <summary>Somebody has lost interest.</summary>
    public bool Cancelled => _cancelled;

    protected int[] EndIds { get; }

    protected Tokenizer? Tokenizer { get; }

    protected SamplingParameters Parameters => Request.Parameters;

    protected IList<int> Held => _slots;

    /// <summary>The group that continues a request as its parameters say.</summary>
    public static SequenceGroup Create(
        GenerationRequest request, TokenSampler sampler, int[] eosIds, Tokenizer? tokenizer, Action<GeneratedToken>? onToken) =>
        request.Parameters.NumBeams > 1
            ? new BeamGroup(request, sampler, eosIds, tokenizer, onToken)
            : new SamplingGroup(request, sampler, eosIds, tokenizer, onToken);

    /// <summary>Begins after the prompt was read.</summary>
    /// <param name="slot">The slot that holds the prompt; from now on the group's.</param>
    /// <param name="logits_V">Logits of the first token.</param>
    /// <param name="pool">Where the other slots come from.</param>
    public void Begin(int slot, ReadOnlySpan<float> logits_V, SlotPool pool)
    {
        _pool = pool;
        _slots.Add(slot);
        try
        {
            Start(logits_V);
        }
        catch (InvalidOperationException exception)
        {
            Fail(exception);
        }
    }

    /// <summary>Chooses the next tokens.</summary>
    /// <param name="logits_RV">Logits of each of <see cref="Slots"/>.</param>
    public void Advance(ReadOnlySpan<float> logits_RV)
    {
        try
        {
            Continue(logits_RV);
        }
        catch (InvalidOperationException exception)
        {
            Fail(exception);
        }
    }

    /// <summary>The token to append to row i.</summary>
    public abstract int NextToken(int row);

    /// <summary>Ends the group before its next step. From any thread.</summary>
    public void Cancel() => _cancelled = true;

    /// <summary>Ends the group early and frees its slots.</summary>
    public void Fail(Exception exception)
    {
        Failure = exception;
        ReturnAll();
    }

    protected abstract void Start(ReadOnlySpan<float> logits_V);

    protected abstract void Continue(ReadOnlySpan<float> logits_RV);

    protected int Fork(int slot) => _pool!.Fork(slot);

    protected void Return(int slot) => _pool!.Return(slot);

    protected void ReturnAll()
    {
        foreach (var slot in _slots)
        {
            _pool!.Return(slot);
        }

        _slots.Clear();
    }

    protected TextStream? NewText() => Tokenizer is null ? null : new TextStream(Tokenizer, Request.PromptIds, Parameters.StopStrings);

    protected void Emit(GeneratedToken token) => _onToken?.Invoke(token);
}
