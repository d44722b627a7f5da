using Rlhf.Bench;

namespace PpoBench;

/// <summary>The sizes of the iteration that all systems run, and how fast it could be.</summary>
internal static class Iteration
{
    public const int Batch = 16;
    public const int PromptTokens = 64;
    public const int NewTokens = 64;
    public const int Minibatches = 4;
    public const int Epochs = 4;

    /// <summary>
    /// Seconds at the peak of matrix products and memory: 2 operations a token and parameter forward, 4 backward; the output matrix has response tokens
    /// only; sampling as many steps as new tokens, each bound by the weights' way from memory or by its products; AdamW reads three and writes three
    /// numbers a parameter, 4 bytes each, and reads the gradient.
    /// </summary>
    /// <param name="config">A name of <see cref="BenchModels"/>.</param>
    /// <param name="valueHead">Whether policy and critic share a trunk; else the critic is a second one.</param>
    /// <param name="flops">Operations a second.</param>
    /// <param name="limits">The machine's.</param>
    /// <param name="bytesPerWeight">Of the weights that sampling reads.</param>
    public static double Limit(string config, bool valueHead, double flops, MachineLimits limits, int bytesPerWeight)
    {
        var shape = BenchModels.Config(config);
        var output = (double)shape.VocabSize * shape.HiddenSize;
        var body = 12.0 * shape.NumHiddenLayers * shape.HiddenSize * shape.HiddenSize;
        var critic = valueHead ? 0 : Batch * (PromptTokens + NewTokens) * body;
        var pass = Batch * (((PromptTokens + NewTokens) * body) + (NewTokens * output));
        var step = Math.Max((body + output) * bytesPerWeight / limits.BytesPerSecond, 2 * Batch * (body + output) / flops);
        var sample = (2.0 * Batch * PromptTokens * body / flops) + (NewTokens * step);
        var adamW = Epochs * Minibatches * (valueHead ? 1 : 2) * (body + output) * 7 * 4 / limits.BytesPerSecond;
        return sample + (2 * (pass + critic) / flops) + (Epochs * 6 * (pass + critic) / flops) + adamW;
    }
}
