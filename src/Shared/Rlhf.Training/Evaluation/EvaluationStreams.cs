namespace Rlhf.Training.Evaluation;

/// <summary>Streams of the evaluation's seed, one for each purpose: a suite that is left out changes no draw of another.</summary>
internal static class EvaluationStreams
{
    public const ulong Perplexity = 1;
    public const ulong WinRates = 2;
    public const ulong Repetition = 3;
    public const ulong Scores = 4;
    public const ulong BiasPairs = 5;

    /// <summary>The in-context examples of question i come from stream Examples + i.</summary>
    public const ulong Examples = 1UL << 32;

    /// <summary>The number of the first sequence sampled.</summary>
    public const ulong Sampling = 1UL << 40;
}
