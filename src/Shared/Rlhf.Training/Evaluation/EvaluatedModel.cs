using Rlhf.Modeling.Checkpoints;
using Rlhf.Modeling.Generation;
using Rlhf.Modeling.Tokenization;
using Rlhf.Modeling.Transformer;
using Rlhf.Training.Batching;

namespace Rlhf.Training.Evaluation;

/// <summary>An answer of a model.</summary>
/// <param name="Text">Trimmed.</param>
/// <param name="Ids">Its tokens.</param>
/// <param name="FinishReason"><see cref="GeneratedSequence.Stop"/> or <see cref="GeneratedSequence.Length"/>.</param>
public sealed record ModelAnswer(string Text, int[] Ids, string FinishReason);

/// <summary>A policy that is measured: answers prompts, and tells how probable texts are.</summary>
public sealed class EvaluatedModel : IDisposable
{
    private readonly DialogueEncoder _encoder;

    private EvaluatedModel(CausalLanguageModel model, Tokenizer tokenizer)
    {
        (Model, Tokenizer) = (model, tokenizer);
        _encoder = new DialogueEncoder(tokenizer, model.Config.MaxPositionEmbeddings);
    }

    /// <summary>The network; owned.</summary>
    public CausalLanguageModel Model { get; }

    /// <summary>Its tokenizer.</summary>
    public Tokenizer Tokenizer { get; }

    /// <summary>Loads a Hugging Face model directory.</summary>
    public static EvaluatedModel Load(string directory)
    {
        var tokenizer = Tokenizer.Load(directory);
        return new EvaluatedModel(PretrainedModel.LoadCausal(directory), tokenizer);
    }

    /// <summary>One answer to each prompt: instructions, or whole dialogues that end with the assistant's cue.</summary>
    /// <param name="prompts">The prompts.</param>
    /// <param name="config">How answers are sampled.</param>
    /// <param name="seed">The evaluation's seed.</param>
    /// <param name="firstSequence">The number of the first answer among all of the evaluation.</param>
    /// <param name="stop">Stops it.</param>
    public IReadOnlyList<ModelAnswer> Answer(IReadOnlyList<string> prompts, EvaluationConfig config, ulong seed, ulong firstSequence, CancellationToken stop)
    {
        var encoded = prompts.Select(p => _encoder.EncodePrompt(p, config.MaxNewTokens)).ToArray();
        var generator = new Generator(Model, Tokenizer, new GeneratorOptions { MaxBatchSize = config.BatchSize });
        return [.. generator.Generate(encoded, config.Parameters(), seed, firstSequence, stop).Select(s => new ModelAnswer(s.Text!.Trim(), s.Ids, s.FinishReason))];
    }

    /// <summary>Whether a dialogue leaves room for an answer without being cut.</summary>
    public bool Fits(string dialogue, int maxNewTokens) => Tokenizer.Encode(dialogue).Length + maxNewTokens <= Model.Config.MaxPositionEmbeddings;

    /// <summary>Prompt and answer as a reward model of the same tokenizer reads them.</summary>
    public int[] Encode(string prompt, ModelAnswer answer)
    {
        var (promptIds, answerIds) = _encoder.EncodePair(prompt, answer.Text, answer.FinishReason == GeneratedSequence.Stop);
        return [.. promptIds, .. answerIds];
    }

    /// <inheritdoc/>
    public void Dispose() => Model.Dispose();
}
