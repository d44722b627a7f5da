namespace Rlhf.Training.Runs;

/// <summary>Does the work of one kind of run. Called on the process's one compute thread.</summary>
public interface IRunExecutor
{
    /// <summary>The kind it executes, one of <see cref="Contracts.Training.RunKinds"/>.</summary>
    string Kind { get; }

    /// <summary>
    /// Executes a run from the start or, where <see cref="RunContext.StateDirectory"/> holds the state of an earlier attempt, from there on to the
    /// same result. Looks at <see cref="RunContext.Stop"/> between steps, and ends with <see cref="RunContext.Complete"/>; an exception fails the run.
    /// </summary>
    void Execute(RunContext context);
}
