namespace Rlhf.Training.Metrics;

/// <summary>Takes the reports of a run, in order, where people and other programs read them.</summary>
public interface IMetricsSink : IDisposable
{
    /// <summary>Adds a report.</summary>
    void Write(TrainingProgress progress);
}
