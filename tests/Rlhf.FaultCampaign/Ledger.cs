using System.Collections.Concurrent;

namespace Rlhf.FaultCampaign;

/// <summary>
/// What the annotators know: every submission before it is sent, and every answer that said "stored". Also written to a file line by line,
/// so that a failed campaign can be looked into.
/// </summary>
internal sealed class Ledger(string file)
{
    private readonly Lock _gate = new();
    private int _requests, _repeats;

    /// <summary>Lease token → choice of everything that was ever sent.</summary>
    public ConcurrentDictionary<Guid, string> Sent { get; } = new();

    /// <summary>Judgment id → lease token of everything the server acknowledged.</summary>
    public ConcurrentDictionary<Guid, Guid> Acknowledged { get; } = new();

    /// <summary>Submissions the server refused for good: lease token → status and reason.</summary>
    public ConcurrentDictionary<Guid, string> Refused { get; } = new();

    /// <summary>Requests with a judgment.</summary>
    public int Requests => _requests;

    /// <summary>Of these, those the server answered with "stored before".</summary>
    public int Repeats => _repeats;

    public void Sending(Guid leaseToken, string choice)
    {
        Interlocked.Increment(ref _requests);
        if (Sent.TryAdd(leaseToken, choice))
        {
            Write($"send {leaseToken} {choice}");
        }
    }

    public void Stored(Guid leaseToken, Guid judgmentId, bool wasStoredBefore)
    {
        if (wasStoredBefore)
        {
            Interlocked.Increment(ref _repeats);
        }

        Acknowledged[judgmentId] = leaseToken;
        Write($"stored {leaseToken} {judgmentId}");
    }

    public void Refuse(Guid leaseToken, string reason)
    {
        Refused[leaseToken] = reason;
        Write($"refused {leaseToken} {reason}");
    }

    private void Write(string line)
    {
        lock (_gate)
        {
            File.AppendAllText(file, $"{DateTimeOffset.UtcNow:O} {line}\n");
        }
    }
}
