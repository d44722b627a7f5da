using Rlhf.Numerics;

namespace Rlhf.Bench.Learning.Tasks;

/// <summary>A task small enough that a tiny model learns it in seconds, with a score that says how well.</summary>
public interface ILearningTask
{
    /// <summary>The token that fills rows.</summary>
    public const int Pad = 0;

    /// <summary>The token that ends a response.</summary>
    public const int Eos = 1;

    /// <summary>Its name on the command line.</summary>
    string Name { get; }

    /// <summary>What the score is called.</summary>
    string Metric { get; }

    /// <summary>Tokens, pad and EOS among them.</summary>
    int VocabSize { get; }

    /// <summary>Tokens of the longest response, EOS among them.</summary>
    int MaxNewTokens { get; }

    /// <summary>The prompts.</summary>
    IReadOnlyList<int[]> Prompts { get; }

    /// <summary>How good a response is, from 0 to 1.</summary>
    double Score(int[] prompt, int[] response);

    /// <summary>A response to a prompt by somebody who has the rules of the task but no skill.</summary>
    int[] Random(int[] prompt, Philox random);

    /// <summary>The mean score of such responses.</summary>
    double Baseline()
    {
        var random = new Philox(0x6261_7365);
        return Enumerable.Range(0, 200).Average(_ => Prompts.Average(p => Score(p, Random(p, random))));
    }
}
