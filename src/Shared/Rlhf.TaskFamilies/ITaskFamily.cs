using Rlhf.Numerics;

namespace Rlhf.TaskFamilies;

/// <summary>A kind of task whose answers a program can judge.</summary>
public interface ITaskFamily
{
    /// <summary>The name stored with prompts, in kebab-case.</summary>
    string Name { get; }

    /// <summary>The language of prompts and answers: "en" or "zh".</summary>
    string Language { get; }

    /// <summary>The names of the ways in which an answer of <see cref="CreateAnswer"/> goes wrong.</summary>
    IReadOnlyList<string> FailureModes { get; }

    /// <summary>A random task.</summary>
    TaskPrompt CreatePrompt(Philox random);

    /// <summary>An answer as a corpus of mixed quality holds it.</summary>
    /// <param name="prompt">A prompt of this family.</param>
    /// <param name="random">Where the choices draw from.</param>
    /// <param name="quality">The probability of a good answer, in [0, 1]; otherwise one of the failure modes happens.</param>
    string CreateAnswer(TaskPrompt prompt, Philox random, double quality);

    /// <summary>An answer that fails in one given way.</summary>
    /// <exception cref="ArgumentException">If <paramref name="mode"/> is not one of <see cref="FailureModes"/>.</exception>
    string CreateFailure(TaskPrompt prompt, Philox random, string mode);

    /// <summary>Judges any text as an answer to the prompt. Takes time linear in the text, whatever it holds.</summary>
    TaskScore Score(TaskPrompt prompt, string answer);
}
