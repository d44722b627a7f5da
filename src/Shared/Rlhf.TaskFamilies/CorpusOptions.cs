namespace Rlhf.TaskFamilies;

/// <summary>What a pretraining corpus is made of.</summary>
public sealed record CorpusOptions
{
    /// <summary>The share of documents that are plain stories without a dialogue around them, in [0, 1].</summary>
    public double PlainShare { get; init; } = 0.25;

    /// <summary>The share of dialogues whose answer is good, in [0, 1]; about one half leaves alignment room to improve.</summary>
    public double Quality { get; init; } = 0.47;

    /// <summary>The share of prompts that never appear, in [0, 1]: those for which <see cref="PromptSplit.IsHeldOut"/> holds.</summary>
    public double HeldOutFraction { get; init; } = PromptSplit.DefaultFraction;

    /// <summary>All that is wrong with the options; empty if nothing is.</summary>
    public IReadOnlyList<string> Validate()
    {
        var errors = new List<string>();
        Share(nameof(PlainShare), PlainShare, includeOne: true);
        Share(nameof(Quality), Quality, includeOne: true);
        // With everything held out there would be no prompt to draw.
        Share(nameof(HeldOutFraction), HeldOutFraction, includeOne: false);
        return errors;

        void Share(string name, double value, bool includeOne)
        {
            if (!(value >= 0 && (includeOne ? value <= 1 : value <= 0.9)))
            {
                errors.Add($"{name} is {value}; it must lie in [0, {(includeOne ? "1" : "0.9")}].");
            }
        }
    }
}
