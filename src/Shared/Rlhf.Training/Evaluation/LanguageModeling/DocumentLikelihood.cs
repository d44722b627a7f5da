namespace Rlhf.Training.Evaluation.LanguageModeling;

/// <summary>How probable a model finds one document, and the units its perplexity is counted in.</summary>
/// <param name="Nats">−log P(document), nats.</param>
/// <param name="Tokens">Tokens predicted.</param>
/// <param name="Words">Words: runs of non-space characters, as lm-evaluation-harness counts them (<c>re.split(r"\s+")</c>).</param>
/// <param name="Bytes">Bytes of its UTF-8 text.</param>
public sealed record DocumentLikelihood(double Nats, int Tokens, int Words, int Bytes);
