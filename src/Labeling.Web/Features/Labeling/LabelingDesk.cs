using Rlhf.Contracts.Labeling;

namespace Labeling.Web.Features.Labeling;

/// <summary>What an annotator chose, as it was presented.</summary>
public enum Side
{
    /// <summary>The first (left) answer.</summary>
    First,

    /// <summary>The second (right) answer.</summary>
    Second,

    /// <summary>Neither is better.</summary>
    Tie,
}

/// <summary>
/// One annotator's desk: the comparison shown, those fetched ahead, and what happens to them. The page shows its state; everything that
/// can go wrong between two key strokes is decided here. Not thread-safe: used from one circuit only.
/// </summary>
public sealed class LabelingDesk(LabelingService labeling, TimeProvider time, Guid projectId, Guid annotatorId)
{
    /// <summary>A lease is not kept for somebody who has gone: renewing ends this long after the last action.</summary>
    public static readonly TimeSpan IdleLimit = TimeSpan.FromMinutes(45);

    private readonly List<Comparison> _ahead = [];
    private DateTimeOffset _lastAction = time.GetUtcNow();
    private long _shownAt;

    /// <summary>The comparison to judge; null if there is none now.</summary>
    public Comparison? Current { get; private set; }

    /// <summary>Shows the next comparison: one fetched ahead, else a newly claimed one.</summary>
    public async Task NextAsync(CancellationToken cancellationToken = default)
    {
        if (_ahead.Count > 0)
        {
            var next = _ahead[0];
            _ahead.RemoveAt(0);
            Show(next);
        }
        else
        {
            Show(null);
            Show(await labeling.ClaimNextAsync(projectId, annotatorId, [], cancellationToken));
        }
    }

    /// <summary>Claims the comparison after the current one, so that it is there at once.</summary>
    public async Task PrefetchAsync(CancellationToken cancellationToken = default)
    {
        if (Current is { } current && _ahead.Count == 0
            && await labeling.ClaimNextAsync(projectId, annotatorId, [current.TaskId], cancellationToken) is { } next
            && next.TaskId != Current?.TaskId && _ahead.TrueForAll(c => c.TaskId != next.TaskId))
        {
            _ahead.Add(next);
        }
    }

    /// <summary>Stores the choice and, if that worked, moves on. Otherwise the comparison stays.</summary>
    public async Task<SubmitOutcome> SubmitAsync(Side side, CancellationToken cancellationToken = default)
    {
        var current = Current ?? throw new InvalidOperationException("there is no comparison to judge");
        _lastAction = time.GetUtcNow();
        var choice = side switch { Side.First => current.FirstChoice, Side.Second => current.SecondChoice, _ => Choices.Tie };
        var duration = (int)Math.Min(int.MaxValue, time.GetElapsedTime(_shownAt).TotalMilliseconds);
        var result = await labeling.SubmitAsync(annotatorId, current.LeaseToken, choice, duration, cancellationToken: cancellationToken);
        await NextAsync(cancellationToken);
        return result.Outcome;
    }

    /// <summary>Gives the current comparison back and moves on.</summary>
    public async Task SkipAsync(CancellationToken cancellationToken = default)
    {
        if (Current is { } current)
        {
            _lastAction = time.GetUtcNow();
            await labeling.SkipAsync(annotatorId, current.LeaseToken, cancellationToken);
            await NextAsync(cancellationToken);
        }
    }

    /// <summary>Takes the last judgment back and shows its comparison; the current one comes next. False if there is nothing to take back.</summary>
    public async Task<bool> UndoAsync(CancellationToken cancellationToken = default)
    {
        _lastAction = time.GetUtcNow();
        if (await labeling.UndoAsync(projectId, annotatorId, cancellationToken) is not { } undone)
        {
            return false;
        }

        if (Current is { } current)
        {
            _ahead.Insert(0, current);
        }

        Show(undone);
        return true;
    }

    /// <summary>Keeps the leases of a present annotator. What could not be kept is dropped; true if the current comparison was.</summary>
    public async Task<bool> RenewAsync(CancellationToken cancellationToken = default)
    {
        if (time.GetUtcNow() - _lastAction > IdleLimit)
        {
            return false;
        }

        foreach (var comparison in _ahead.ToList())
        {
            if (!await labeling.RenewAsync(annotatorId, comparison.LeaseToken, cancellationToken))
            {
                _ahead.Remove(comparison);
            }
        }

        if (Current is { } current && !await labeling.RenewAsync(annotatorId, current.LeaseToken, cancellationToken) && Current == current)
        {
            await NextAsync(cancellationToken);
            return true;
        }

        return false;
    }

    private void Show(Comparison? comparison)
    {
        Current = comparison;
        _shownAt = time.GetTimestamp();
    }
}
