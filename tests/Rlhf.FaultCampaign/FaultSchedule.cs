using Rlhf.Numerics;

namespace Rlhf.FaultCampaign;

/// <summary>One fault to come.</summary>
/// <param name="Kind">One of <see cref="FaultKinds"/>.</param>
/// <param name="Pause">How long the system is left alone before.</param>
/// <param name="Overlaps">Whether it comes without waiting until the system has recovered from the one before.</param>
/// <param name="IsLong">Whether it is an outage that lasts a minute.</param>
/// <param name="Draw">Seed of what else it draws: which process, how long.</param>
internal sealed record PlannedFault(string Kind, TimeSpan Pause, bool Overlaps, bool IsLong, ulong Draw);

/// <summary>Which faults come when, drawn from the seed.</summary>
internal static class FaultSchedule
{
    /// <summary>From how many faults on a campaign has time for outages of a whole minute.</summary>
    public const int LongCampaign = 50;

    /// <summary>
    /// First every available kind once in a random order, then kinds by their weights. The first of the broker's outages, and one in ten of the others, lasts
    /// a minute, except in short campaigns.
    /// </summary>
    public static IReadOnlyList<PlannedFault> Draw(int count, ulong seed, IReadOnlyCollection<string> available)
    {
        var random = new Philox(seed);
        var kinds = FaultKinds.All.Where(k => available.Contains(k.Kind)).ToList();
        var first = random.Permutation(kinds.Count);
        var bag = kinds.SelectMany(k => Enumerable.Repeat(k.Kind, k.Weight)).ToList();
        var faults = Enumerable.Range(0, count).Select(i => new PlannedFault(
            i < first.Length ? kinds[first[i]].Kind : random.Choose(bag),
            TimeSpan.FromMilliseconds(random.Next(1500)),
            random.Chance(0.2),
            random.Chance(0.1),
            random.NextUInt64())).ToList();
        var firstOutage = faults.FindIndex(f => f.Kind == FaultKinds.BrokerUnreachable);
        return [.. faults.Select((f, i) => f with { IsLong = f.Kind == FaultKinds.BrokerUnreachable && count >= LongCampaign && (f.IsLong || i == firstOutage) })];
    }
}
