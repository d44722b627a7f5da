namespace Rlhf.Cli.AllInOne;

/// <summary>The size of a simulated cycle.</summary>
/// <param name="Judgments">Judgments before the reward model trains; one comparison each.</param>
/// <param name="PpoUpdates">PPO updates.</param>
/// <param name="HeldOutPrompts">Prompts of the verdict.</param>
internal sealed record CycleSettings(int Judgments, int PpoUpdates, int HeldOutPrompts)
{
    /// <summary>What <c>rlhf cycle</c> uses unless told otherwise: minutes on two cores.</summary>
    public static CycleSettings Default { get; } = new(Judgments: 500, PpoUpdates: 16, HeldOutPrompts: 300);

    /// <summary>Every fault, in words.</summary>
    public IReadOnlyList<string> Validate(int seeds)
    {
        var faults = new List<string>();
        AtLeast(10, Judgments, "--judgments");
        AtLeast(1, PpoUpdates, "--updates");
        AtLeast(10, HeldOutPrompts, "--held-out-prompts");
        AtLeast(1, seeds, "--seeds");
        return faults;

        void AtLeast(int minimum, int value, string option)
        {
            if (value < minimum)
            {
                faults.Add($"{option} is {value}; it must be at least {minimum}.");
            }
        }
    }
}
