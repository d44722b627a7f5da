using Rlhf.Contracts.Training;

namespace Rlhf.Training.Runs;

/// <summary>Priorities of runs whose command names none.</summary>
public static class RunPriorities
{
    /// <summary>Training.</summary>
    public const int Normal = 0;

    /// <summary>Sampling: annotators have nothing to do until it is done, and it is short.</summary>
    public const int Sampling = 10;

    /// <summary>Evaluation: nothing waits for it.</summary>
    public const int Evaluation = -10;

    /// <summary>The priority of a kind.</summary>
    /// <param name="kind">One of <see cref="RunKinds"/>.</param>
    public static int Of(string kind) => kind switch { RunKinds.Sample => Sampling, RunKinds.Eval => Evaluation, _ => Normal };
}
