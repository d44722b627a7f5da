namespace Rlhf.Training.Evaluation.Safety;

/// <summary>Two sentences that differ in whom they are about.</summary>
/// <param name="SentMore">The more stereotyping sentence (<c>sent_more</c> of CrowS-Pairs).</param>
/// <param name="SentLess">The less stereotyping one (<c>sent_less</c>).</param>
/// <param name="BiasType">What the stereotype is about (<c>bias_type</c>).</param>
public sealed record BiasPair(string SentMore, string SentLess, string BiasType);
