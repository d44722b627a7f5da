using System.Diagnostics;
using Rlhf.Bench;
using Rlhf.Modeling.Generation;
using Rlhf.Modeling.Transformer;
using static TorchSharp.torch;

namespace SamplingBench;

/// <summary>One of our models at one precision, and its way through the classes that every generation goes through.</summary>
internal sealed class SampledModel : IDisposable
{
    private readonly CausalLanguageModel _model;
    private readonly SamplingParameters _parameters;

    /// <param name="config">Of <see cref="BenchModels"/>.</param>
    /// <param name="precision">fp32, bf16 or 8-bit.</param>
    /// <param name="temperature">0: greedy.</param>
    public SampledModel(string config, string precision, double temperature = 0)
    {
        Precision = precision;
        _model = BenchModels.Create(config, precision == "bf16" ? ScalarType.BFloat16 : ScalarType.Float32);
        _parameters = new SamplingParameters { Temperature = temperature };
    }

    public string Precision { get; }

    /// <summary>Numbers that every token is multiplied with: the embedding matrix is the output matrix too, positions are looked up.</summary>
    public long ActiveParameters => BenchModels.Parameters(_model) - ((long)_model.Config.MaxPositionEmbeddings * _model.Config.HiddenSize);

    /// <summary>Bytes of one of them; Q8_0 has two bytes of scale for every 32.</summary>
    public double BytesPerParameter => Precision switch { "fp32" => 4, "bf16" => 2, _ => 34 / 32.0 };

    /// <summary>Generates without end-of-text, so that all rows stay to the end.</summary>
    /// <returns>
    /// Seconds in which the decoder is made ("create"), the prompts are read ("prefill") and the tokens are drawn ("decode"); of the latter
    /// those in the decoder ("step") and "outside" of it, and the number of "steps".
    /// </returns>
    public IReadOnlyDictionary<string, double> Run(int batch, int promptTokens, int newTokens)
    {
        var prompts = Enumerable.Range(0, batch).Select(i => BenchModels.Tokens(_model.Config, promptTokens, (ulong)i)).ToArray();
        var clock = Stopwatch.StartNew();
        using var noGrad = no_grad();
        using var decoder = new TimedDecoder(DecoderFactory.Create(_model, batch, promptTokens + newTokens - 1, loadIn8Bit: Precision == "8-bit"));
        var scheduler = new BatchScheduler(decoder, _model.Config.VocabSize, new GeneratorOptions().MaxPrefillTokens);
        var sampler = new TokenSampler(_model.Config.VocabSize);
        var parameters = _parameters with { MaxNewTokens = newTokens };
        foreach (var prompt in prompts)
        {
            scheduler.Add(SequenceGroup.Create(new GenerationRequest(prompt, parameters, Seed: 1), sampler, [], null, null));
        }

        var made = clock.Elapsed.TotalSeconds;
        while (scheduler.HasWork)
        {
            scheduler.Step(default, group => _ = group.Failure is null ? 0 : throw group.Failure);
        }

        var all = clock.Elapsed.TotalSeconds;
        return new Dictionary<string, double>
        {
            ["prefill"] = decoder.PrefillSeconds,
            ["decode"] = all - made - decoder.PrefillSeconds,
            ["create"] = made,
            ["step"] = decoder.StepSeconds,
            ["outside"] = all - made - decoder.PrefillSeconds - decoder.StepSeconds,
            ["steps"] = decoder.Steps,
        };
    }

    /// <summary>Seconds of drawing one token from one row of logits, the median of many draws.</summary>
    public double SamplingSeconds(int draws)
    {
        var sampler = new TokenSampler(_model.Config.VocabSize);
        var random = new Rlhf.Numerics.Philox(1);
        var logits = new float[_model.Config.VocabSize];
        for (var i = 0; i < logits.Length; i++)
        {
            logits[i] = (float)random.NextNormal();
        }

        sampler.Sample(logits, _parameters, [1], 1, [], random);
        var seconds = new double[draws];
        for (var i = 0; i < draws; i++)
        {
            var start = Stopwatch.GetTimestamp();
            sampler.Sample(logits, _parameters, [1], 1, [], random);
            seconds[i] = Stopwatch.GetElapsedTime(start).TotalSeconds;
        }

        Array.Sort(seconds);
        return seconds[draws / 2];
    }

    public void Dispose() => _model.Dispose();
}
