using Rlhf.Modeling.Generation;
using Rlhf.Modeling.Transformer;
using Rlhf.Numerics;
using Rlhf.Torch.Extensions;
using TorchSharp;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Tests.Generation;

/// <summary>What every decoder must do, for every family: the numbers of the full forward pass, whatever was done to the slots before.</summary>
public sealed class DecoderConformanceTests
{
    private const int Slots = 5;
    private const int MaxLength = 24;

    private static readonly Dictionary<string, Func<CausalLanguageModel, int, int, IDecoder>> Decoders = new()
    {
        ["tensor"] = (model, slots, maxLength) => new TensorDecoder(model, slots, maxLength),
        ["kernel"] = NewKernelDecoder,
    };

    private static readonly Dictionary<string, TransformerConfig> Models = AllModels();

    public static TheoryData<string, string> Cases
    {
        get
        {
            var cases = new TheoryData<string, string>();
            foreach (var decoder in Decoders.Keys)
            {
                foreach (var model in Models.Keys)
                {
                    cases.Add(decoder, model);
                }
            }

            return cases;
        }
    }

    public static TheoryData<string> DecoderNames => [.. Decoders.Keys];

    [Theory]
    [MemberData(nameof(Cases))]
    public void AnyOperations_InAnyOrder_GiveTheNumbersOfTheFullForwardPass(string decoderName, string modelName)
    {
        using var model = Model(Models[modelName]);
        using var decoder = Decoders[decoderName](model, Slots, MaxLength);
        Assert.Equal((Slots, MaxLength), (decoder.Capacity, decoder.MaxLength));
        for (var seed = 0UL; seed < 3; seed++)
        {
            var walk = new Walk(model, decoder, new Philox(seed));
            for (var i = 0; i < 40; i++)
            {
                walk.DoSomething();
            }

            walk.ReleaseAll();
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void HalfPrecision_FollowsTheFullForwardPass(string decoderName, string modelName)
    {
        using var model = Model(Models[modelName]);
        model.to(ScalarType.BFloat16);
        using var decoder = Decoders[decoderName](model, 3, 8);
        var logits = new float[3 * model.Config.VocabSize];
        decoder.Prefill([0, 1], [[3, 4, 5], [6]], logits);
        decoder.Fork(0, 2);
        decoder.Step([1, 2, 0], [7, 8, 9], logits);

        // bfloat16 has 8 bits, so sums of another order differ by some 2⁻⁸ of the largest part; a mistake differs by whole units.
        int[][] texts = [[6, 7], [3, 4, 5, 8], [3, 4, 5, 9]];
        for (var i = 0; i < texts.Length; i++)
        {
            AssertSame(model, [.. texts[i]], logits.AsSpan(i * model.Config.VocabSize, model.Config.VocabSize), 0.1f);
        }
    }

    [Theory]
    [MemberData(nameof(DecoderNames))]
    public void FullSlots_UpToTheLastPlace_Work(string decoderName)
    {
        using var model = Model(TinyModels.Config);
        using var decoder = Decoders[decoderName](model, 2, 8);
        var logits = new float[2 * model.Config.VocabSize];
        decoder.Prefill([1, 0], [[3, 4, 5, 6, 7, 8, 9, 10], [3, 4, 5, 6, 7, 8, 9]], logits);
        decoder.Step([0], [10], logits.AsSpan(0, model.Config.VocabSize));
        AssertSame(model, [3, 4, 5, 6, 7, 8, 9, 10], logits.AsSpan(0, model.Config.VocabSize));
        Assert.Contains("room for 8", Assert.Throws<ArgumentException>(() => decoder.Step([1], [3], logits)).Message, StringComparison.Ordinal);
        decoder.Release(1);
        Assert.Contains("room for 8", Assert.Throws<ArgumentException>(() => decoder.Prefill([1], [new int[9]], logits)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(DecoderNames))]
    public void WrongSlots_AreRefused(string decoderName)
    {
        using var model = Model(TinyModels.Config);
        using var decoder = Decoders[decoderName](model, 3, 8);
        var logits = new float[model.Config.VocabSize];
        decoder.Prefill([0], [[3]], logits);
        Assert.Throws<InvalidOperationException>(() => decoder.Prefill([0], [[4]], logits));
        Assert.Throws<InvalidOperationException>(() => decoder.Step([1], [4], logits));
        Assert.Throws<InvalidOperationException>(() => decoder.Fork(1, 2));
        Assert.Throws<InvalidOperationException>(() => decoder.Fork(0, 0));
        Assert.Throws<InvalidOperationException>(() => decoder.Release(2));
    }

    [Theory]
    [MemberData(nameof(DecoderNames))]
    public void ChangedWeights_CountFromTheNextStep(string decoderName)
    {
        using var model = Model(TinyModels.Config);
        using var decoder = Decoders[decoderName](model, 1, 8);
        var logits = new float[model.Config.VocabSize];
        using (no_grad())
        {
            model.OutputWeight.mul_(0.5);
        }

        decoder.Prefill([0], [[3, 4]], logits);
        AssertSame(model, [3, 4], logits);
        using (no_grad())
        {
            model.named_parameters().Single(entry => entry.name == "model.norm.weight").parameter.mul_(1.5);
        }

        decoder.Step([0], [5], logits);
        AssertSame(model, [3, 4, 5], logits);
    }

    [Theory]
    [MemberData(nameof(DecoderNames))]
    public void Tensors_BelongToTheDecoder(string decoderName)
    {
        using var model = Model(TinyModels.Config);
        var before = TinyModels.LiveTensors();
        using (var decoder = Decoders[decoderName](model, 3, 8))
        {
            var logits = new float[2 * model.Config.VocabSize];
            decoder.Prefill([0, 1], [[3, 4], [5]], logits);
            var held = TorchRuntime.LiveTensors;
            decoder.Fork(1, 2);
            decoder.Release(0);
            decoder.Step([1, 2], [6, 7], logits);
            decoder.Step([2], [6], logits.AsSpan(0, model.Config.VocabSize));
            Assert.Equal(held, TorchRuntime.LiveTensors);
        }

        Assert.Equal(before, TorchRuntime.LiveTensors);
    }

    private static KernelDecoder NewKernelDecoder(CausalLanguageModel model, int slots, int maxLength)
    {
        Assert.SkipUnless(KernelDecoder.Supports(model), "there are no CPU kernels for this processor");
        return new KernelDecoder(model, slots, maxLength);
    }

    private static Dictionary<string, TransformerConfig> AllModels()
    {
        var plain = TinyModels.Config with { IntermediateSize = 48, InitializerRange = 0.2 };
        var models = new Dictionary<string, TransformerConfig>();
        foreach (var type in TransformerConfig.SupportedModelTypes)
        {
            // Grouped queries and a tied output matrix wherever the family has them.
            TransformerConfig[] candidates =
            [
                plain with { ModelType = type },
                plain with { ModelType = type, NumKeyValueHeads = 4 },
                plain with { ModelType = type, NumKeyValueHeads = 4, TieWordEmbeddings = false },
            ];
            models.Add(type, candidates.First(config => config.Validate().Count == 0));
        }

        models.Add("llama, one key/value head", plain with { NumKeyValueHeads = 1, AttentionBias = true, MlpBias = true, TieWordEmbeddings = false });
        models.Add("mistral, window 4", plain with { ModelType = "mistral", SlidingWindow = 4 });
        models.Add("qwen2, window 3 in the second block", plain with { ModelType = "qwen2", SlidingWindow = 3, UseSlidingWindow = true, MaxWindowLayers = 1 });
        models.Add("llama, yarn", plain with { MaxPositionEmbeddings = 16, RopeScaling = new RopeScaling("yarn", 4) });
        models.Add("gpt_neox, a quarter turned", plain with { ModelType = "gpt_neox", NumKeyValueHeads = 4, PartialRotaryFactor = 0.25, TieWordEmbeddings = false });
        models.Add("opt, norms behind", plain with { ModelType = "opt", NumKeyValueHeads = 4, DoLayerNormBefore = false, WordEmbedProjDim = 16 });
        models.Add("bloom, residual from norm", plain with { ModelType = "bloom", NumKeyValueHeads = 4, ApplyResidualConnectionPostLayernorm = true });
        return models;
    }

    private static CausalLanguageModel Model(TransformerConfig config)
    {
        // Ones and zeros in norms and biases would hide one that was left out.
        var model = TinyModels.Causal(config);
        var random = new Philox(8);
        using var noGrad = no_grad();
        foreach (var (name, parameter) in model.named_parameters())
        {
            if (parameter.shape.Length == 1)
            {
                Weights.FillNormal(parameter, random, 0.3);
                if (name.EndsWith("weight", StringComparison.Ordinal))
                {
                    parameter.add_(1);
                }
            }
        }

        return model;
    }

    private static void AssertSame(CausalLanguageModel model, List<int> ids, ReadOnlySpan<float> logits, float tolerance = 1e-5f)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var expected = TinyModels.Floats(model.forward(TinyModels.Ids([.. ids]))[0, ids.Count - 1].to_type(ScalarType.Float32).log_softmax(0));
        var actual = TinyModels.Floats(tensor(logits.ToArray()).log_softmax(0));
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.Equal(expected[i], actual[i], tolerance * Math.Max(1, Math.Abs(expected[i])));
        }
    }

    /// <summary>Random operations on the slots of one decoder, each checked.</summary>
    private sealed class Walk(CausalLanguageModel model, IDecoder decoder, Philox random)
    {
        private readonly List<int>?[] _texts = new List<int>?[Slots];

        public void DoSomething()
        {
            var empty = Some(slot => _texts[slot] is null);
            var filled = Some(slot => _texts[slot] is { Count: < MaxLength });
            switch (random.Next(6))
            {
                case 0 when empty.Length > 0:
                    Prefill(empty);
                    break;
                case 1 when empty.Length > 0 && filled.Length > 0:
                    decoder.Fork(filled[0], empty[0]);
                    _texts[empty[0]] = [.. _texts[filled[0]]!];
                    break;
                case 2 when Array.Exists(_texts, text => text is not null):
                    Release(Array.FindLastIndex(_texts, text => text is not null));
                    break;
                case 3 when filled.Length > 0:
                    Step(filled[..(1 + random.Next(filled.Length))]);
                    break;
                default:
                    Step(filled);
                    break;
            }
        }

        public void ReleaseAll()
        {
            for (var slot = 0; slot < Slots; slot++)
            {
                if (_texts[slot] is not null)
                {
                    Release(slot);
                }
            }
        }

        private int[] Some(Predicate<int> which) => [.. random.Permutation(Slots).Where(slot => which(slot))];

        private void Release(int slot)
        {
            decoder.Release(slot);
            _texts[slot] = null;
        }

        private void Prefill(int[] empty)
        {
            var slots = empty[..(1 + random.Next(empty.Length))];
            var prompts = slots.Select(_ => Enumerable.Range(0, 1 + random.Next(10)).Select(_ => random.Next(model.Config.VocabSize)).ToArray()).ToArray();
            var logits = new float[slots.Length * model.Config.VocabSize];
            decoder.Prefill(slots, prompts, logits);
            for (var i = 0; i < slots.Length; i++)
            {
                _texts[slots[i]] = [.. prompts[i]];
            }

            Check(slots, logits);
        }

        private void Step(int[] slots)
        {
            if (slots.Length == 0)
            {
                return;
            }

            var tokens = slots.Select(_ => random.Next(model.Config.VocabSize)).ToArray();
            var logits = new float[slots.Length * model.Config.VocabSize];
            decoder.Step(slots, tokens, logits);
            for (var i = 0; i < slots.Length; i++)
            {
                _texts[slots[i]]!.Add(tokens[i]);
            }

            Check(slots, logits);
        }

        private void Check(int[] slots, float[] logits)
        {
            var vocabSize = model.Config.VocabSize;
            for (var i = 0; i < slots.Length; i++)
            {
                AssertSame(model, _texts[slots[i]]!, logits.AsSpan(i * vocabSize, vocabSize));
            }
        }
    }
}
