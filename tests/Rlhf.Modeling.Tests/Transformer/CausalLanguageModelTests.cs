using Rlhf.Modeling.Transformer;
using TorchSharp;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Tests.Transformer;

public sealed class CausalLanguageModelTests
{
    private static readonly int[][] Rows = [[5, 9, 14, 3, 22], [7, 30, 11]];

    [Fact]
    public void Parameters_Names_AreThoseOfHuggingFace()
    {
        using var model = TinyModels.Causal(TinyModels.Config with { NumHiddenLayers = 1, TieWordEmbeddings = false, AttentionBias = true, MlpBias = true });
        string[] expected =
        [
            "model.embed_tokens.weight", "model.norm.weight", "lm_head.weight",
            .. ((string[])["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"])
                .SelectMany(name => (string[])[$"model.layers.0.{name}.weight", $"model.layers.0.{name}.bias"]),
            "model.layers.0.input_layernorm.weight", "model.layers.0.post_attention_layernorm.weight",
        ];
        Assert.Equal(expected.Order(StringComparer.Ordinal), model.named_parameters().Select(entry => entry.name).Order(StringComparer.Ordinal));
        using var tied = TinyModels.Causal();
        Assert.DoesNotContain(tied.named_parameters(), entry => entry.name == "lm_head.weight");
    }

    [Fact]
    public void Initialize_Weights_HaveTheGivenSpreadAndNormsAreOne()
    {
        using var model = TinyModels.Causal(TinyModels.Config with { AttentionBias = true });
        foreach (var (name, parameter) in model.named_parameters())
        {
            var values = TinyModels.Floats(parameter);
            if (name.EndsWith("norm.weight", StringComparison.Ordinal))
            {
                Assert.All(values, value => Assert.Equal(1f, value));
            }
            else if (name.EndsWith("bias", StringComparison.Ordinal))
            {
                Assert.All(values, value => Assert.Equal(0f, value));
            }
            else
            {
                // n ≥ 512 draws: the sample deviation is within 10% of 0.3 with a margin of more than three standard errors.
                Assert.InRange(Math.Sqrt(values.Average(value => (double)value * value)), 0.27, 0.33);
            }
        }

        using var same = TinyModels.Causal(TinyModels.Config with { AttentionBias = true });
        Assert.Equal(TinyModels.Floats(model.Body.Layers[1].FeedForward.Down.weight), TinyModels.Floats(same.Body.Layers[1].FeedForward.Down.weight));
    }

    [Theory]
    [InlineData(true, 0)]
    [InlineData(true, 3)]
    [InlineData(false, 0)]
    [InlineData(false, 3)]
    public void Hidden_Padding_DoesNotChangeRealTokens(bool left, int extra)
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Causal();
        var (ids, mask) = TinyModels.Padded(Rows, left, extra);
        var padded = model.Hidden(ids, mask);
        for (var row = 0; row < Rows.Length; row++)
        {
            var length = Rows[row].Length;
            var alone = TinyModels.Floats(model.Hidden(TinyModels.Ids(Rows[row])));
            var within = TinyModels.Floats(padded.select(0, row).narrow(0, left ? ids.shape[1] - length : 0, length));
            AssertClose(alone, within, 2e-5f);
        }

        Assert.All(TinyModels.Floats(padded), value => Assert.True(float.IsFinite(value)));
    }

    public static TheoryData<string> Families => [.. TinyModels.Families.Keys];

    [Theory]
    [MemberData(nameof(Families))]
    public void Hidden_OfSomePlaces_StatesAndGradientsAreThoseOfAllPlacesSelected(string family)
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Causal(TinyModels.Families[family]);
        var (ids, mask) = TinyModels.Padded(Rows, left: false);
        var places = tensor(new long[] { 7, 1, 4, 6 });

        var (selected, expected) = Run(() => model.Hidden(ids, mask).view(10, -1).index_select(0, places));
        var (states, gradients) = Run(() => model.Hidden(ids, mask, places_N: places));
        model.GradientCheckpointing = true;
        var (_, recomputed) = Run(() => model.Hidden(ids, mask, places_N: places));

        AssertClose(selected, states, 2e-5f);
        Assert.All(expected, g => AssertClose(g.Value, gradients[g.Key], 2e-4f * Math.Max(1, g.Value.Max(Math.Abs))));
        Assert.All(gradients, g => AssertClose(g.Value, recomputed[g.Key], 1e-5f * Math.Max(1, g.Value.Max(Math.Abs))));

        (float[] States, Dictionary<string, float[]> Gradients) Run(Func<Tensor> hidden)
        {
            foreach (var parameter in model.parameters())
            {
                parameter.grad = null!;
            }

            var states_ND = hidden();
            (states_ND * arange(states_ND.shape[1])).square().mean().backward();
            return (
                TinyModels.Floats(states_ND),
                model.named_parameters().Where(p => p.parameter.grad is not null).ToDictionary(p => p.name, p => TinyModels.Floats(p.parameter.grad!)));
        }
    }

    [Fact]
    public void Hidden_MaskWithoutPaddingOrPositions_SameAsNone()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Causal();
        var ids = TinyModels.Ids([5, 9, 14, 3], [7, 30, 11, 8]);
        var plain = TinyModels.Floats(model.Hidden(ids));
        Assert.Equal(plain, TinyModels.Floats(model.Hidden(ids, ones_like(ids))));
        AssertClose(plain, TinyModels.Floats(model.Hidden(ids, null, TinyModels.Ids([0, 1, 2, 3], [0, 1, 2, 3]))), 1e-6f);
    }

    [Fact]
    public void Hidden_LaterTokens_DoNotChangeEarlierOnes()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Causal();
        var first = TinyModels.Floats(model.Hidden(TinyModels.Ids([5, 9, 14, 3])).narrow(1, 0, 3));
        var second = TinyModels.Floats(model.Hidden(TinyModels.Ids([5, 9, 14, 40])).narrow(1, 0, 3));
        AssertClose(first, second, 1e-6f);
    }

    [Fact]
    public void Hidden_ShiftedPositions_SameStates()
    {
        // Rotary attention depends on distances only.
        using var scope = NewDisposeScope();
        using var model = TinyModels.Causal();
        var ids = TinyModels.Ids([5, 9, 14, 3]);
        var shifted = model.Hidden(ids, null, TinyModels.Ids([20, 21, 22, 23]));
        AssertClose(TinyModels.Floats(model.Hidden(ids)), TinyModels.Floats(shifted), 5e-5f);
    }

    [Fact]
    public void Hidden_LongerThanTheFirstRotaryTable_GrowsIt()
    {
        using var scope = NewDisposeScope();
        using var rotary = new RotaryTable(TinyModels.Config with { MaxPositionEmbeddings = 5000 });
        var early = TinyModels.Floats(rotary.ForLength(10, CPU).Cos);
        var late = rotary.ForLength(3000, CPU);
        Assert.Equal(early, TinyModels.Floats(late.Cos.narrow(0, 0, 10)));

        // Element 0 turns by one radian for each position.
        Assert.Equal(Math.Cos(2999), late.Cos[2999, 0].select(0, 0).item<float>(), 5);
        Assert.Equal(Math.Sin(2999), -late.Sin[2999, 0].select(0, 0).item<float>(), 5);
        Assert.Equal(Math.Sin(2999), late.Sin[2999, 0].select(0, 4).item<float>(), 5);
    }

    [Fact]
    public void Hidden_Shapes_AreChecked()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Causal();
        var ids = TinyModels.Ids([1, 2, 3]);
        Assert.Throws<ArgumentException>(() => model.Hidden(tensor(new long[] { 1, 2 })));
        Assert.Throws<ArgumentException>(() => model.Hidden(ids, TinyModels.Ids([1, 1])));
        Assert.Throws<ArgumentException>(() => model.Hidden(ids, null, TinyModels.Ids([0, 1])));
        Assert.Throws<ArgumentException>(() => model.Hidden(ids, null, TinyModels.Ids([-1, 0, 1])));
        Assert.Contains("max_position_embeddings is 64", Assert.Throws<ArgumentException>(() => model.Hidden(ids, null, TinyModels.Ids([62, 63, 64]))).Message, StringComparison.Ordinal);
        Assert.Contains("65 positions", Assert.Throws<ArgumentException>(() => model.Hidden(zeros([1, 65], dtype: ScalarType.Int64))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Backward_OfLogits_ReachesEveryParameter()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Causal(TinyModels.Config with { TieWordEmbeddings = false, AttentionBias = true });
        model.forward(TinyModels.Ids([5, 9, 14, 3])).square().mean().backward();
        foreach (var (name, parameter) in model.named_parameters())
        {
            Assert.True(parameter.grad is not null, name);

            // Adding a constant to all keys' scores of a query changes nothing: the key bias has no gradient but rounding.
            if (!name.EndsWith("k_proj.bias", StringComparison.Ordinal))
            {
                Assert.True(parameter.grad!.square().sum().item<float>() > 0, name);
            }
        }
    }

    [Fact]
    public void Forward_ThenDispose_LeavesNoTensors()
    {
        using var model = TinyModels.Causal();
        var before = TinyModels.LiveTensors();
        using (NewDisposeScope())
        {
            var (ids, mask) = TinyModels.Padded(Rows, left: true);
            model.forward(ids, mask).sum().backward();
            foreach (var parameter in model.parameters())
            {
                parameter.grad = null;
            }
        }

        Assert.Equal(before, TinyModels.LiveTensors());
    }

    [Fact]
    public void Clone_Changed_LeavesTheOriginal()
    {
        using var model = TinyModels.Causal();
        var before = TinyModels.Floats(model.OutputWeight);
        using var clone = model.Clone();
        Assert.Equal(before, TinyModels.Floats(clone.OutputWeight));
        using (no_grad())
        {
            clone.OutputWeight.zero_();
        }

        Assert.Equal(before, TinyModels.Floats(model.OutputWeight));
    }

    [Fact]
    public void Constructor_IllegalConfig_ListsFaults() =>
        Assert.Contains("head_dim", Assert.Throws<ArgumentException>(() => new CausalLanguageModel(TinyModels.Config with { HeadDim = 7 })).Message, StringComparison.Ordinal);

    [Fact]
    public void Initialize_Gpt2_MatricesIntoTheResidualStreamAreSmaller()
    {
        // 2 blocks: 0.3 / √4. The matrices have 1,024 and 1,280 draws: 10% is more than four standard errors.
        using var model = TinyModels.Causal(TinyModels.Families["gpt2"]);
        foreach (var weight in model.Body.Layers.SelectMany(layer => (Tensor[])[layer.Attention.Output.weight, layer.FeedForward.Down.weight]))
        {
            Assert.InRange(Math.Sqrt(TinyModels.Floats(weight).Average(value => (double)value * value)), 0.135, 0.165);
        }

        Assert.InRange(Math.Sqrt(TinyModels.Floats(model.Body.Layers[0].Attention.Fused!.weight).Average(value => (double)value * value)), 0.27, 0.33);
    }

    [Fact]
    public void HiddenStates_EmbeddingsBlocksAndFinalNorm()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Causal(TinyModels.Config);
        var ids = TinyModels.Ids([5, 9, 14, 3]);
        var states = model.HiddenStates(ids);
        Assert.Equal(3, states.Count);
        Assert.Equal(TinyModels.Floats(model.Body.TokenEmbedding.forward(ids)), TinyModels.Floats(states[0]));
        Assert.Equal(TinyModels.Floats(model.Hidden(ids)), TinyModels.Floats(states[2]));
    }

    [Fact]
    public void Forward_EveryFamily_LeavesNoTensorsAndReachesEveryParameter()
    {
        foreach (var (family, config) in TinyModels.Families)
        {
            using var model = TinyModels.Causal(config);
            var before = TinyModels.LiveTensors();
            using (NewDisposeScope())
            {
                var (ids, mask) = TinyModels.Padded(Rows, left: true);
                var logits = model.forward(ids, mask);
                Assert.Equal([2L, 5L, 48L], logits.shape);
                logits.square().mean().backward();
                foreach (var (name, parameter) in model.named_parameters())
                {
                    Assert.True(parameter.grad is not null, $"{family}: {name}");
                    parameter.grad = null;
                }
            }

            Assert.Equal(before, TinyModels.LiveTensors());
        }
    }

    [Fact]
    public void Hidden_InBfloat16_IsCloseToSinglePrecision()
    {
        foreach (var (family, config) in TinyModels.Families)
        {
            using var scope = NewDisposeScope();
            using var model = TinyModels.Causal(config with { InitializerRange = 0.1 });
            var ids = TinyModels.Ids([5, 9, 14, 3, 22]);
            var expected = model.Hidden(ids).detach();
            model.to(ScalarType.BFloat16);
            var actual = model.Hidden(ids);
            Assert.Equal(ScalarType.BFloat16, actual.dtype);

            // 8 bits of mantissa: each of a few dozen roundings on the way costs up to 0.4%.
            var error = (actual.to_type(ScalarType.Float32) - expected).square().mean().sqrt() / expected.square().mean().sqrt();
            Assert.True(error.item<float>() < 0.03, $"{family}: {error.item<float>()}");
        }
    }

    private static void AssertClose(float[] expected, float[] actual, float tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        Assert.True(expected.Zip(actual).All(pair => Math.Abs(pair.First - pair.Second) <= tolerance), $"largest difference {expected.Zip(actual).Max(pair => Math.Abs(pair.First - pair.Second))}");
    }
}
