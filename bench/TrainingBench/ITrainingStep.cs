namespace TrainingBench;

/// <summary>A model with its optimizer.</summary>
internal interface ITrainingStep : IDisposable
{
    /// <summary>Tokens of one step.</summary>
    int Tokens { get; }

    /// <summary>Numbers that every token is multiplied with, so that a step has 6 times as many operations a token.</summary>
    long ActiveParameters { get; }

    /// <summary>One step.</summary>
    /// <param name="precision">fp32 or bf16.</param>
    /// <returns>Seconds by part, and the loss.</returns>
    IReadOnlyDictionary<string, double> Run(string precision);
}
