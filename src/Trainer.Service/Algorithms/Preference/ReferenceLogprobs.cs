using Rlhf.Modeling.Transformer;
using Rlhf.Training.Checkpointing;
using Rlhf.Training.Evaluation;
using TorchSharp;
using static TorchSharp.torch;

namespace Trainer.Service.Algorithms.Preference;

/// <summary>
/// Log-probabilities of completions under the reference, computed once when a run begins (TRL's <c>precompute_ref_log_probs</c>) and kept
/// in its states: a resumed run's policy is no longer its reference.
/// </summary>
/// <param name="reference">The reference; the starting policy while nothing is trained yet.</param>
/// <param name="batchSize">Rows of one pass.</param>
/// <param name="tailWeight">Weight of the tokens after a row's tail begins.</param>
internal sealed class ReferenceLogprobs(CausalLanguageModel reference, int batchSize, double tailWeight = 1)
{
    private readonly Dictionary<string, (IReadOnlyList<int[]> Prompts, IReadOnlyList<int[]> Completions, int[]? TailFrom)> _rows = new(StringComparer.Ordinal);
    private readonly Dictionary<string, float[]> _logprobs = new(StringComparer.Ordinal);

    /// <summary>Names rows whose log-probabilities will be wanted.</summary>
    /// <param name="name">Their name.</param>
    /// <param name="prompts">Prompt tokens.</param>
    /// <param name="completions">Completion tokens, as many rows.</param>
    /// <param name="tailFrom">For each row the number of tokens after which the tail's weight applies; null: every token counts in full.</param>
    public void Add(string name, IReadOnlyList<int[]> prompts, IReadOnlyList<int[]> completions, int[]? tailFrom = null) =>
        _rows.Add(name, (prompts, completions, tailFrom));

    /// <summary>Computes them, or takes them from the state the run goes on from.</summary>
    public void Begin(TrainingState? state)
    {
        var scorer = new CompletionScorer(reference);
        foreach (var (name, (prompts, completions, tailFrom)) in _rows)
        {
            _logprobs[name] = state is null
                ? scorer.SumAll(prompts, completions, batchSize, tailFrom, tailWeight)
                : prompts.Count == 0 ? [] : state.Find("reference." + name).data<float>().ToArray();
        }
    }

    /// <summary>Adds them to a state.</summary>
    public void Save(TrainingState state)
    {
        foreach (var (name, values) in _logprobs.Where(l => l.Value.Length > 0))
        {
            state.Add("reference." + name, tensor(values));
        }
    }

    /// <summary>Those of some rows.</summary>
    /// <returns>[rows], nats.</returns>
    public Tensor Of(string name, int[] rows) => tensor(rows.Select(r => _logprobs[name][r]).ToArray());
}
