using System.Runtime.InteropServices;

namespace Rlhf.Modeling.Generation;

/// <summary>
/// Continuous batching (Yu et al. 2022, "Orca"; prompts first, as in Kwon et al. 2023, "vLLM"): before every step waiting groups take the
/// slots that are empty, in the order in which they came, and finished rows are gone from the next step on.
/// </summary>
internal sealed class BatchScheduler(IDecoder decoder, int vocabSize, int maxPrefillTokens)
{
    private readonly SlotPool _pool = new(decoder);
    private readonly List<SequenceGroup> _waiting = [];
    private readonly List<SequenceGroup> _running = [];
    private readonly List<int> _slots = [];
    private readonly List<int> _tokens = [];
    private readonly float[] _logits = new float[decoder.Capacity * vocabSize];

    /// <summary>Something waits or runs.</summary>
    public bool HasWork => _waiting.Count + _running.Count > 0;

    /// <summary>Rows computed in all steps together.</summary>
    public long DecodedRows { get; private set; }

    /// <summary>Prompt tokens read, without padding.</summary>
    public long PrefilledTokens { get; private set; }

    /// <summary>Puts a group at the end of the queue.</summary>
    /// <param name="group">Needs no more slots than there are.</param>
    public void Add(SequenceGroup group) => _waiting.Add(group);

    /// <summary>Admits whom there is room for, and generates one token for every row that runs.</summary>
    /// <param name="ct">Looked at before every pass of the model.</param>
    /// <param name="onFinished">Called with every group that has ended: it has results, a failure, or was cancelled.</param>
    public void Step(CancellationToken ct, Action<SequenceGroup>? onFinished = null)
    {
        Leave(onFinished);
        while (NextPrompts() is { Count: > 0 } groups)
        {
            ct.ThrowIfCancellationRequested();
            Prefill(groups);
            Leave(onFinished);
        }

        if (_running.Count > 0)
        {
            ct.ThrowIfCancellationRequested();
            Decode();
            Leave(onFinished);
        }
    }

    private void Leave(Action<SequenceGroup>? onFinished)
    {
        Remove(_running);
        Remove(_waiting);

        void Remove(List<SequenceGroup> groups) => groups.RemoveAll(group =>
        {
            if (group is { Cancelled: true, Finished: false })
            {
                group.Fail(new OperationCanceledException());
            }

            if (group.Finished)
            {
                onFinished?.Invoke(group);
            }

            return group.Finished;
        });
    }

    /// <summary>The first in the queue, as many as there are slots for and as one pass may read.</summary>
    private List<SequenceGroup> NextPrompts()
    {
        // A group's other rows take their slots only once its prompt is read, and beams come and go: what counts is what it may hold.
        var free = decoder.Capacity - _running.Sum(group => group.Rows);
        var longest = 0;
        var count = 0;
        foreach (var group in _waiting)
        {
            longest = Math.Max(longest, group.Request.PromptIds.Length);
            free -= group.Rows;
            if (free < 0 || (count > 0 && (long)longest * (count + 1) > maxPrefillTokens))
            {
                break;
            }

            count++;
        }

        var groups = _waiting.GetRange(0, count);
        _waiting.RemoveRange(0, count);
        return groups;
    }

    private void Prefill(List<SequenceGroup> groups)
    {
        var slots = groups.ConvertAll(_ => _pool.Take());
        decoder.Prefill(CollectionsMarshal.AsSpan(slots), groups.ConvertAll(group => group.Request.PromptIds), _logits.AsSpan(0, groups.Count * vocabSize));
        PrefilledTokens += groups.Sum(group => (long)group.Request.PromptIds.Length);
        for (var i = 0; i < groups.Count; i++)
        {
            groups[i].Begin(slots[i], _logits.AsSpan(i * vocabSize, vocabSize), _pool);
            _running.Add(groups[i]);
        }
    }

    private void Decode()
    {
        _slots.Clear();
        _tokens.Clear();
        foreach (var group in _running)
        {
            for (var row = 0; row < group.Slots.Count; row++)
            {
                _slots.Add(group.Slots[row]);
                _tokens.Add(group.NextToken(row));
            }
        }

        decoder.Step(CollectionsMarshal.AsSpan(_slots), CollectionsMarshal.AsSpan(_tokens), _logits.AsSpan(0, _slots.Count * vocabSize));
        DecodedRows += _slots.Count;
        var start = 0;
        foreach (var group in _running)
        {
            var rows = group.Slots.Count;
            group.Advance(_logits.AsSpan(start * vocabSize, rows * vocabSize));
            start += rows;
        }
    }
}
