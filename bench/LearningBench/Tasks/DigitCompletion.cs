using Rlhf.Numerics;

namespace Rlhf.Bench.Learning.Tasks;

/// <summary>Counting: the prompt is a digit, the response goes on for three digits, modulo ten, and ends.</summary>
public sealed class DigitCompletion : ILearningTask
{
    private const int FirstDigit = 2;
    private const int Wanted = 3;

    public string Name => "digits";

    public string Metric => "share of right digits";

    public int VocabSize => FirstDigit + 10;

    public int MaxNewTokens => Wanted + 1;

    /// <summary>Each digit.</summary>
    public IReadOnlyList<int[]> Prompts { get; } = [.. Enumerable.Range(0, 10).Select(digit => new[] { digit + FirstDigit })];

    /// <summary>The share of the four tokens (three digits, EOS) that are right; what follows EOS does not count.</summary>
    public double Score(int[] prompt, int[] response)
    {
        var right = 0;
        for (var i = 0; i <= Wanted && i < response.Length; i++)
        {
            var expected = i == Wanted ? ILearningTask.Eos : ((prompt[0] - FirstDigit + i + 1) % 10) + FirstDigit;
            right += response[i] == expected ? 1 : 0;
        }

        return right / (Wanted + 1.0);
    }

    /// <summary>Counts in steps of one, two or three, drawn for each digit: the expected score is (1/3 + 1/9 + 1/27 + 1) / 4.</summary>
    public int[] Random(int[] prompt, Philox random)
    {
        var digit = prompt[0] - FirstDigit;
        return [.. Enumerable.Range(0, Wanted).Select(_ => (digit = (digit + 1 + random.Next(3)) % 10) + FirstDigit), ILearningTask.Eos];
    }
}
