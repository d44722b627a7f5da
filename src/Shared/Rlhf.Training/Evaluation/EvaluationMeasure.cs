using Rlhf.Numerics;

namespace Rlhf.Training.Evaluation;

/// <summary>One number of an evaluation.</summary>
/// <param name="Task">A name of <see cref="EvaluationTasks"/>.</param>
/// <param name="Variant">How it was measured: "zero-shot", "3-shot", "kneser-ney-4"; empty where there is one way only.</param>
/// <param name="Metric">What was measured.</param>
/// <param name="Value">The number.</param>
/// <param name="Low">Lower end of its 95 % interval; null where it has none.</param>
/// <param name="High">Upper end.</param>
/// <param name="Count">Questions, documents or pairs behind it.</param>
public sealed record EvaluationMeasure(string Task, string Variant, string Metric, double Value, double? Low, double? High, int Count)
{
    /// <summary>With an interval.</summary>
    public EvaluationMeasure(string task, string variant, string metric, Interval interval, int count)
        : this(task, variant, metric, interval.Value, interval.Low, interval.High, count)
    {
    }
}
