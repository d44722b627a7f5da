using Rlhf.Training.Distributed;

namespace Rlhf.Cli.Training;

/// <summary>The processes that train together with this one, as the environment names them (torchrun's variables, or rlhf launch).</summary>
internal static class TrainingRanks
{
    private static readonly Lazy<DataParallel> current = new(DataParallel.FromEnvironment);

    /// <summary>Met at the first use; this process alone where the environment names no others.</summary>
    public static DataParallel Current => current.Value;

    /// <summary>Rank 0 does it, and the others wait until it is done.</summary>
    public static void OnRankZero(Action action)
    {
        if (Current.IsMain)
        {
            action();
        }

        Current.Barrier();
    }
}
