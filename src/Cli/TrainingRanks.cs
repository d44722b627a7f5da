using Rlhf.Training.Distributed;

namespace Rlhf.Cli;

/// <summary>The processes that train together with this one, as the environment names them (torchrun's variables, or rlhf launch).</summary>
internal static class TrainingRanks
{
    private static readonly Lazy<DataParallel> current = new(DataParallel.FromEnvironment);

    /// <summary>Met at the first use; this process alone where the environment names no others.</summary>
    public static DataParallel Current => current.Value;

    /// <summary>Rank 0 writes what was trained, and the others wait until it is there.</summary>
    public static void Write(string target, Action write)
    {
        if (Current.IsMain)
        {
            write();
            Console.WriteLine($"written: {target}");
        }

        Current.Barrier();
    }
}
