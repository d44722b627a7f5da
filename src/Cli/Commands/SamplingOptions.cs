using System.CommandLine;
using System.Globalization;
using System.Text.RegularExpressions;
using Rlhf.Modeling.Generation;

namespace Rlhf.Cli.Commands;

/// <summary>How text is generated, as options with the names of Hugging Face transformers and, for the logit bias, of llama.cpp.</summary>
internal sealed partial class SamplingOptions
{
    private static readonly SamplingParameters Defaults = new();

    private readonly Option<int> _maxNewTokens = New("--max-new-tokens", "The most tokens to add.", Defaults.MaxNewTokens);
    private readonly Option<int> _minNewTokens = New("--min-new-tokens", "The text does not end before so many.", Defaults.MinNewTokens);
    private readonly Option<double?> _temperature = new("--temperature")
    {
        Description = "0 takes the most probable token each time. Default 1, or 0 with --num-beams.",
    };

    private readonly Option<int> _topK = New("--top-k", "Sample among the k most probable tokens; 0 = all.", Defaults.TopK);
    private readonly Option<double> _topP = New("--top-p", "Sample within the smallest set of tokens with this probability; 1 = all.", Defaults.TopP);
    private readonly Option<double> _minP = New("--min-p", "Sample among tokens at least this times as probable as the best; 0 = all.", Defaults.MinP);
    private readonly Option<double> _typicalP = New("--typical-p", "Sample within the most typical tokens with this probability; 1 = all.", Defaults.TypicalP);
    private readonly Option<double> _epsilonCutoff = New("--epsilon-cutoff", "Drop tokens less probable than this; 0 = none.", Defaults.EpsilonCutoff);
    private readonly Option<double> _etaCutoff = New("--eta-cutoff", "The same, adapted to the entropy; 0 = none.", Defaults.EtaCutoff);
    private readonly Option<double> _repetitionPenalty = New("--repetition-penalty", "Above 1 makes tokens of prompt and text less probable; 1 = none.", Defaults.RepetitionPenalty);
    private readonly Option<double> _presencePenalty = New("--presence-penalty", "Taken off the logits of tokens in the text.", Defaults.PresencePenalty);
    private readonly Option<double> _frequencyPenalty = New("--frequency-penalty", "The same for every time a token occurs.", Defaults.FrequencyPenalty);
    private readonly Option<int> _noRepeatNgramSize = New("--no-repeat-ngram-size", "No so many tokens in a row occur twice; 0 = no limit.", Defaults.NoRepeatNgramSize);
    private readonly Option<string[]> _stop = New<string[]>("--stop", "The text ends before this string; may be given several times.", []);
    private readonly Option<int[]> _stopTokenId = New<int[]>("--stop-token-id", "The text ends with this id; may be given several times.", []);
    private readonly Option<string[]> _logitBias = New<string[]>("--logit-bias", "ID+BIAS or ID-BIAS is added to the logit of a token, ID-inf forbids it; may be given several times.", []);
    private readonly Option<int> _numReturnSequences = New("--num-return-sequences", "How many continuations.", Defaults.NumReturnSequences);
    private readonly Option<int> _numBeams = New("--num-beams", "Above 1: beam search.", Defaults.NumBeams);
    private readonly Option<double> _lengthPenalty = New("--length-penalty", "Beam scores are divided by length to this power.", Defaults.LengthPenalty);
    private readonly Option<EarlyStopping> _earlyStopping = New("--early-stopping", "When beam search ends: false, true or never.", Defaults.EarlyStopping);

    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[
            _maxNewTokens, _minNewTokens, _temperature, _topK, _topP, _minP, _typicalP, _epsilonCutoff, _etaCutoff, _repetitionPenalty, _presencePenalty,
            _frequencyPenalty, _noRepeatNgramSize, _stop, _stopTokenId, _logitBias, _numReturnSequences, _numBeams, _lengthPenalty, _earlyStopping])
        {
            command.Add(option);
        }
    }

    /// <exception cref="UserException">If anything is illegal; all faults are listed.</exception>
    public SamplingParameters Parameters(ParseResult parse)
    {
        var faults = new List<string>();
        var parameters = new SamplingParameters
        {
            MaxNewTokens = parse.GetValue(_maxNewTokens),
            MinNewTokens = parse.GetValue(_minNewTokens),
            Temperature = parse.GetValue(_temperature) ?? (parse.GetValue(_numBeams) > 1 ? 0 : Defaults.Temperature),
            TopK = parse.GetValue(_topK),
            TopP = parse.GetValue(_topP),
            MinP = parse.GetValue(_minP),
            TypicalP = parse.GetValue(_typicalP),
            EpsilonCutoff = parse.GetValue(_epsilonCutoff),
            EtaCutoff = parse.GetValue(_etaCutoff),
            RepetitionPenalty = parse.GetValue(_repetitionPenalty),
            PresencePenalty = parse.GetValue(_presencePenalty),
            FrequencyPenalty = parse.GetValue(_frequencyPenalty),
            NoRepeatNgramSize = parse.GetValue(_noRepeatNgramSize),
            StopStrings = parse.GetRequiredValue(_stop),
            StopTokenIds = parse.GetRequiredValue(_stopTokenId),
            LogitBias = Biases(parse.GetRequiredValue(_logitBias), faults),
            NumReturnSequences = parse.GetValue(_numReturnSequences),
            NumBeams = parse.GetValue(_numBeams),
            LengthPenalty = parse.GetValue(_lengthPenalty),
            EarlyStopping = parse.GetValue(_earlyStopping),
        };
        UserFault.ThrowIfAny("sampling", [.. faults, .. parameters.Validate()]);
        return parameters;
    }

    private static Dictionary<int, float> Biases(string[] texts, List<string> faults)
    {
        var biases = new Dictionary<int, float>();
        foreach (var text in texts)
        {
            if (Bias().Match(text) is { Success: true } match
                && int.TryParse(match.Groups[1].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out var id)
                && float.TryParse(match.Groups[2].Value.Replace("inf", "Infinity", StringComparison.Ordinal), CultureInfo.InvariantCulture, out var bias))
            {
                biases[id] = bias;
            }
            else
            {
                faults.Add($"--logit-bias {text} must be like 15043+1.5, 15043-1.5 or 15043-inf");
            }
        }

        return biases;
    }

    private static Option<T> New<T>(string name, string description, T defaultValue) => new(name) { Description = description, DefaultValueFactory = _ => defaultValue };

    [GeneratedRegex(@"^(\d+)([+-](?:inf|\d+(?:\.\d+)?))$")]
    private static partial Regex Bias();
}
