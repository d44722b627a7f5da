namespace Rlhf.Modeling.Generation;

/// <summary>When beam search ends, as <c>early_stopping</c> of Hugging Face transformers.</summary>
public enum EarlyStopping
{
    /// <summary>When no running beam is likely to overtake: judged by the best running score at its present length.</summary>
    False,

    /// <summary>As soon as there are as many finished hypotheses as beams.</summary>
    True,

    /// <summary>Only when no running beam can overtake any more, at whatever length.</summary>
    Never,
}

/// <summary>
/// How a continuation is generated. Names and meanings are those of Hugging Face transformers' GenerationConfig (in brackets); presence and
/// frequency penalty and the logit bias are those of the OpenAI API. Applied in this order: logit bias, repetition penalty, presence and
/// frequency penalty, forbidden n-grams, minimum length; then, where tokens are drawn, temperature, top-k, top-p, min-p, typical-p,
/// epsilon and eta cut-off, each on what the one before left.
/// </summary>
public sealed record SamplingParameters
{
    /// <summary>At most this many tokens are generated (<c>max_new_tokens</c>); default 64.</summary>
    public int MaxNewTokens { get; init; } = 64;

    /// <summary>No end-of-text id, stop id or stop string ends the text before this many tokens (<c>min_new_tokens</c>); default 0.</summary>
    public int MinNewTokens { get; init; }

    /// <summary>Logits are divided by this; 0 takes the most probable token (<c>do_sample=False</c>); default 1 (<c>temperature</c>).</summary>
    public double Temperature { get; init; } = 1.0;

    /// <summary>Only the k most probable tokens stay, with ties at the k-th place; 0: all; default 0 (<c>top_k</c>).</summary>
    public int TopK { get; init; }

    /// <summary>
    /// Only the smallest set of most probable tokens with at least this probability stays, at least one; 1: all; default 1 (<c>top_p</c>;
    /// Holtzman et al. 2019).
    /// </summary>
    public double TopP { get; init; } = 1.0;

    /// <summary>Only tokens at least this times as probable as the most probable one stay; 0: all; default 0 (<c>min_p</c>; Nguyen et al. 2024).</summary>
    public double MinP { get; init; }

    /// <summary>
    /// Only the tokens whose information is closest to the entropy stay, until they have this probability; 1: all; default 1
    /// (<c>typical_p</c>; Meister et al. 2022).
    /// </summary>
    public double TypicalP { get; init; } = 1.0;

    /// <summary>Tokens less probable than this go, except the most probable; 0: none; default 0 (<c>epsilon_cutoff</c>; Hewitt et al. 2022).</summary>
    public double EpsilonCutoff { get; init; }

    /// <summary>
    /// Tokens less probable than min(ε, √ε·exp(−entropy)) go, except the most probable; 0: none; default 0 (<c>eta_cutoff</c>; Hewitt et al. 2022).
    /// </summary>
    public double EtaCutoff { get; init; }

    /// <summary>
    /// Positive logits of tokens in the prompt or the text are divided by this, negative ones multiplied; 1: none; default 1
    /// (<c>repetition_penalty</c>; Keskar et al. 2019).
    /// </summary>
    public double RepetitionPenalty { get; init; } = 1.0;

    /// <summary>Taken off the logits of tokens that were generated already; default 0 (<c>presence_penalty</c>).</summary>
    public double PresencePenalty { get; init; }

    /// <summary>Taken off a token's logit once for each time it was generated; default 0 (<c>frequency_penalty</c>).</summary>
    public double FrequencyPenalty { get; init; }

    /// <summary>No n tokens in a row occur twice in prompt and text; 0: no limit; default 0 (<c>no_repeat_ngram_size</c>).</summary>
    public int NoRepeatNgramSize { get; init; }

    /// <summary>
    /// The text ends before the first of these that appears in it, however it is cut into tokens; needs a tokenizer; default none
    /// (<c>stop_strings</c>).
    /// </summary>
    public IReadOnlyList<string> StopStrings { get; init; } = [];

    /// <summary>Ids that end the text besides the model's own end-of-text ids; default none.</summary>
    public IReadOnlyList<int> StopTokenIds { get; init; } = [];

    /// <summary>Added to the logits of these ids; −∞ forbids one; default none (<c>logit_bias</c>).</summary>
    public IReadOnlyDictionary<int, float> LogitBias { get; init; } = new Dictionary<int, float>();

    /// <summary>Continuations of each prompt (<c>num_return_sequences</c>); the prompt is read once for all; default 1.</summary>
    public int NumReturnSequences { get; init; } = 1;

    /// <summary>Beams of a beam search; 1: none; default 1 (<c>num_beams</c>).</summary>
    public int NumBeams { get; init; } = 1;

    /// <summary>
    /// A hypothesis's score is its log-probability divided by its number of new tokens to this power; default 1 (<c>length_penalty</c>).
    /// </summary>
    public double LengthPenalty { get; init; } = 1.0;

    /// <summary>When beam search ends; default <see cref="EarlyStopping.False"/> (<c>early_stopping</c>).</summary>
    public EarlyStopping EarlyStopping { get; init; }

    /// <summary>Checks every field.</summary>
    /// <returns>All faults, each naming the field, its value and the legal values; empty if there are none.</returns>
    public IReadOnlyList<string> Validate()
    {
        var faults = new List<string>();
        Require(MaxNewTokens >= 1, nameof(MaxNewTokens), MaxNewTokens, "must be at least 1");
        Require(MinNewTokens >= 0 && MinNewTokens <= Math.Max(MaxNewTokens, 1), nameof(MinNewTokens), MinNewTokens, $"must lie in 0 … {nameof(MaxNewTokens)}");
        Require(Temperature >= 0 && double.IsFinite(Temperature), nameof(Temperature), Temperature, "must be 0 or positive");
        Require(TopK >= 0, nameof(TopK), TopK, "must be 0 (all) or positive");
        Require(TopP > 0 && TopP <= 1, nameof(TopP), TopP, "must lie in (0, 1]");
        Require(MinP >= 0 && MinP <= 1, nameof(MinP), MinP, "must lie in [0, 1]");
        Require(TypicalP > 0 && TypicalP <= 1, nameof(TypicalP), TypicalP, "must lie in (0, 1]");
        Require(EpsilonCutoff >= 0 && EpsilonCutoff < 1, nameof(EpsilonCutoff), EpsilonCutoff, "must lie in [0, 1)");
        Require(EtaCutoff >= 0 && EtaCutoff < 1, nameof(EtaCutoff), EtaCutoff, "must lie in [0, 1)");
        Require(RepetitionPenalty > 0 && double.IsFinite(RepetitionPenalty), nameof(RepetitionPenalty), RepetitionPenalty, "must be positive");
        Require(double.IsFinite(PresencePenalty), nameof(PresencePenalty), PresencePenalty, "must be finite");
        Require(double.IsFinite(FrequencyPenalty), nameof(FrequencyPenalty), FrequencyPenalty, "must be finite");
        Require(NoRepeatNgramSize >= 0, nameof(NoRepeatNgramSize), NoRepeatNgramSize, "must be 0 (no limit) or positive");
        Require(StopStrings.All(IsText), nameof(StopStrings), $"[{string.Join(", ", StopStrings)}]", "must not hold an empty string or half a character");
        foreach (var (id, bias) in LogitBias)
        {
            Require(!float.IsNaN(bias) && !float.IsPositiveInfinity(bias), $"{nameof(LogitBias)} of id {id}", bias, "must be a number or −∞");
        }

        Require(NumReturnSequences >= 1, nameof(NumReturnSequences), NumReturnSequences, "must be at least 1");
        Require(NumBeams >= 1, nameof(NumBeams), NumBeams, "must be at least 1");
        Require(double.IsFinite(LengthPenalty), nameof(LengthPenalty), LengthPenalty, "must be finite");
        Require(Enum.IsDefined(EarlyStopping), nameof(EarlyStopping), EarlyStopping, "must be False, True or Never");
        if (NumBeams > 1)
        {
            Require(Temperature == 0, nameof(Temperature), Temperature, $"must be 0 with {nameof(NumBeams)} above 1: beam search draws nothing");
            Require(NumReturnSequences <= NumBeams, nameof(NumReturnSequences), NumReturnSequences, $"must not exceed {nameof(NumBeams)} ({NumBeams})");
            Require(StopStrings.Count == 0, nameof(StopStrings), $"[{string.Join(", ", StopStrings)}]", $"must be empty with {nameof(NumBeams)} above 1");
        }
        else
        {
            Require(
                Temperature != 0 || NumReturnSequences <= 1,
                nameof(NumReturnSequences),
                NumReturnSequences,
                $"must be 1 with {nameof(Temperature)} 0 and one beam: all would be the same");
        }

        return faults;

        void Require(bool holds, string field, object value, string rule)
        {
            if (!holds)
            {
                faults.Add(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{field} ({value}) {rule}"));
            }
        }
    }

    private static bool IsText(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (char.IsSurrogate(text[i]) && !(i + 1 < text.Length && char.IsSurrogatePair(text[i], text[++i])))
            {
                return false;
            }
        }

        return text.Length > 0;
    }
}
