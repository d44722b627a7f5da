using Rlhf.Numerics;

namespace Rlhf.Bench.Learning.Tasks;

/// <summary>Digits that go up by a fixed step, modulo ten; the response goes on for three digits and ends.</summary>
public sealed class DigitCompletion : ILearningTask
{
    private const int FirstDigit = 2;
    private const int Wanted = 3;

    public string Name => "digits";

    public string Metric => "share of right digits";

    public int VocabSize => FirstDigit + 10;

    public int MaxNewTokens => Wanted + 1;

    /// <summary>Two digits: where to begin, and one step further; steps 1 to 3.</summary>
    public IReadOnlyList<int[]> Prompts { get; } =
        [.. from first in Enumerable.Range(0, 10) from step in Enumerable.Range(1, 3) select new[] { first + FirstDigit, ((first + step) % 10) + FirstDigit }];

    /// <summary>The share of the four tokens (three digits, EOS) that are right; what follows EOS does not count.</summary>
    public double Score(int[] prompt, int[] response)
    {
        var step = (prompt[1] - prompt[0] + 10) % 10;
        var right = 0;
        for (var i = 0; i <= Wanted && i < response.Length; i++)
        {
            var expected = i == Wanted ? ILearningTask.Eos : ((prompt[1] - FirstDigit + ((i + 1) * step)) % 10) + FirstDigit;
            right += response[i] == expected ? 1 : 0;
        }

        return right / (Wanted + 1.0);
    }

    /// <summary>Three random digits.</summary>
    public int[] Random(int[] prompt, Philox random) => [.. Enumerable.Range(0, Wanted).Select(_ => random.Next(10) + FirstDigit), ILearningTask.Eos];
}
