using Rlhf.Modeling.Checkpoints;
using Rlhf.Modeling.Transformer;
using TorchSharp;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Tests.Transformer;

/// <summary>
/// Numbers of Hugging Face transformers 4.44.2 (Qwen3: the classes of 4.51.3) on torch 1.13, fp32, eager attention, for models whose
/// weights both sides compute: number i, row by row as stored, of parameter p in ordinal order of the names is
/// 0.6 · (((7919 i² + 104729 i + 1299709 p) mod 65536) / 65536 − 1/2), and one more in vectors called weight. The input is
/// <see cref="Ids"/> without padding; expected are the loss (the ids as labels), the norm of all its gradients, and the first ten logits
/// of the last position.
/// </summary>
public sealed class FamilyGoldenTests
{
    private static readonly int[] Ids = [5, 9, 14, 3, 22, 17, 8, 41];

    private static readonly TransformerConfig Small = new()
    {
        VocabSize = 80,
        HiddenSize = 32,
        IntermediateSize = 56,
        NumHiddenLayers = 2,
        NumAttentionHeads = 4,
        NumKeyValueHeads = 4,
        HeadDim = 8,
        MaxPositionEmbeddings = 64,
    };

    private static readonly TransformerConfig Llama = Small with { NumKeyValueHeads = 2, RmsNormEps = 1e-5 };

    private static readonly TransformerConfig Qwen3 = Llama with { ModelType = "qwen3", NumHiddenLayers = 3, HeadDim = 16, RmsNormEps = 1e-6, RopeTheta = 1e6 };

    private static readonly TransformerConfig Phi = Small with { ModelType = "phi", HiddenAct = "gelu_new", HiddenSize = 64, IntermediateSize = 72, HeadDim = 16 };

    private static readonly Dictionary<string, TransformerConfig> Configs = new()
    {
        ["opt"] = Small with { ModelType = "opt", HiddenAct = "relu", MaxPositionEmbeddings = 24, TieWordEmbeddings = true },
        ["opt-norm-after"] = Small with { ModelType = "opt", HiddenAct = "relu", MaxPositionEmbeddings = 24, TieWordEmbeddings = true, DoLayerNormBefore = false, WordEmbedProjDim = 16 },
        ["bloom"] = Small with { ModelType = "bloom", HiddenAct = "gelu_pytorch_tanh", IntermediateSize = 128, TieWordEmbeddings = true },
        ["bloom-6-heads"] = Small with
        {
            ModelType = "bloom", HiddenAct = "gelu_pytorch_tanh", HiddenSize = 48, IntermediateSize = 192, NumAttentionHeads = 6, NumKeyValueHeads = 6,
            ApplyResidualConnectionPostLayernorm = true, TieWordEmbeddings = true,
        },
        ["phi"] = Phi with { PartialRotaryFactor = 0.4 },
        ["phi-grouped"] = Phi with { NumKeyValueHeads = 2, PartialRotaryFactor = 0.5 },
        ["qwen3"] = Qwen3 with { TieWordEmbeddings = true },
        ["qwen3-window"] = Qwen3 with { UseSlidingWindow = true, SlidingWindow = 4, MaxWindowLayers = 1, AttentionBias = true },
        ["llama-rope-llama3"] = Llama with
        {
            RopeScaling = new RopeScaling("llama3", 8) { LowFreqFactor = 1, HighFreqFactor = 4, OriginalMaxPositionEmbeddings = 16 },
        },
        ["llama-rope-linear"] = Llama with { RopeScaling = new RopeScaling("linear", 4) },
        ["llama-rope-yarn"] = Llama with { MaxPositionEmbeddings = 16, RopeScaling = new RopeScaling("yarn", 4) { BetaFast = 4 } },
        ["gpt_neox-sequential"] = Small with
        {
            ModelType = "gpt_neox", HiddenAct = "gelu_new", HiddenSize = 48, IntermediateSize = 72, NumAttentionHeads = 3, NumKeyValueHeads = 3, HeadDim = 16,
            UseParallelResidual = false, PartialRotaryFactor = 0.5, RopeScaling = new RopeScaling("linear", 2),
        },
        ["gpt2-inverse-layer"] = Small with
        {
            ModelType = "gpt2", HiddenAct = "relu", IntermediateSize = 40, NumHiddenLayers = 3, MaxPositionEmbeddings = 24, ScaleAttnByInverseLayerIdx = true,
        },
    };

    [Theory]
    [InlineData(
        "opt",
        5.4240575, 7.5689612,
        new[] { -1.112585, 1.095753, 0.1933108, 0.4149352, 0.3392382, -0.02969465, -1.230103, 1.387155, -1.060705, -0.353644 })]
    [InlineData(
        "opt-norm-after",
        4.9057999, 4.0911111,
        new[] { -0.1667345, 0.739531, 0.9908068, 0.05748808, -0.5700842, -0.4176069, -2.097445, 0.2727802, -0.2349519, -0.02822517 })]
    [InlineData(
        "bloom",
        4.9925394, 4.7590136,
        new[] { 1.17761, -0.07115579, -0.1703232, -0.2561011, 0.7501565, 0.4658326, -0.7260152, -0.2148488, 0.008919984, -0.1886044 })]
    [InlineData(
        "bloom-6-heads",
        5.553638, 7.3589946,
        new[] { -0.7477208, -1.808183, 0.7385481, 0.3359564, 0.1828347, -1.293964, 1.033239, -2.110027, -0.8755361, -1.433038 })]
    [InlineData(
        "phi",
        5.8479037, 6.9595679,
        new[] { -2.580894, 0.01601166, 1.720375, 0.4742206, 0.2849863, -0.8925723, 1.418507, -1.331481, -0.0521085, -0.2184746 })]
    [InlineData(
        "phi-grouped",
        6.0117898, 7.9401119,
        new[] { -1.657203, 0.1149501, 1.450468, 0.5781031, -0.1511159, -1.03171, 1.698341, -1.08907, -0.8252655, 0.9848601 })]
    [InlineData(
        "qwen3",
        4.9097829, 8.4630139,
        new[] { -0.7077816, 0.9046769, -0.1149732, 2.184082, -0.4898399, -0.5021185, -0.5128864, 0.3101966, -1.685224, 0.2122685 })]
    [InlineData(
        "qwen3-window",
        4.6246386, 7.256212,
        new[] { 0.7451776, -1.891037, -0.2521228, -0.4323443, -1.33555, 0.8754411, 0.413207, -0.2131599, 0.1810209, -0.7845788 })]
    [InlineData(
        "llama-rope-llama3",
        5.2713447, 6.3574607,
        new[] { -2.053892, -1.045741, 1.882251, -0.8581715, -0.07289165, 0.5750115, -1.706499, -0.2681751, -0.5641164, -0.6819563 })]
    [InlineData(
        "llama-rope-linear",
        5.2743692, 6.1357721,
        new[] { -2.040115, -0.9160839, 1.761579, -0.7862698, -0.233114, 0.6208017, -1.764075, -0.4592355, -0.6897435, -0.5388851 })]
    [InlineData(
        "llama-rope-yarn",
        5.2727075, 6.4248816,
        new[] { -2.184266, -1.064135, 1.813036, -0.9589706, 0.286993, 0.3164573, -1.886154, -0.07495014, -0.5643529, -0.6251613 })]
    [InlineData(
        "gpt_neox-sequential",
        5.8288989, 7.5509833,
        new[] { -2.249459, 0.3420532, -0.2424707, -0.04268343, 0.2494293, 2.455182, -1.058959, 0.001477279, 0.5571662, 2.95882 })]
    [InlineData(
        "gpt2-inverse-layer",
        4.6837654, 6.1745751,
        new[] { -2.188269, -0.08833984, -0.7036813, 0.2989594, 1.377078, -0.376264, -2.082954, 0.7188317, 0.289451, 0.2522655 })]
    public void Forward_WeightsOfAFormula_LossGradientNormAndLogits(string name, double loss, double gradientNorm, double[] logits)
    {
        using var scope = NewDisposeScope();
        using var model = new CausalLanguageModel(Configs[name]);
        Fill(model);
        var ids = TinyModels.Ids(Ids);
        var actual = model.forward(ids);
        Assert.All(TinyModels.Floats(actual[0, Ids.Length - 1]).Zip(logits), pair => Assert.Equal(pair.Second, pair.First, 2e-5));
        var actualLoss = nn.functional.cross_entropy(actual[0].narrow(0, 0, Ids.Length - 1), ids[0].narrow(0, 1, Ids.Length - 1));
        Assert.Equal(loss, actualLoss.item<float>(), 5e-6);
        actualLoss.backward();
        var squares = model.parameters().Sum(parameter => TinyModels.Floats(parameter.grad!).Sum(value => (double)value * value));
        Assert.Equal(gradientNorm, Math.Sqrt(squares), gradientNorm * 2e-5);
    }

    private static void Fill(CausalLanguageModel model)
    {
        using var noGrad = no_grad();
        var transposed = WeightsReader.TransposedIn(model);
        foreach (var ((name, parameter), p) in model.named_parameters().OrderBy(entry => entry.name, StringComparer.Ordinal).Select((entry, p) => (entry, p)))
        {
            var shift = parameter.shape.Length == 1 && name.EndsWith("weight", StringComparison.Ordinal) ? 1 : 0;
            var values = new float[parameter.numel()];
            for (var i = 0L; i < values.Length; i++)
            {
                values[i] = (float)(shift + (0.6 * ((((7919 * i * i) + (104729 * i) + (1299709 * p)) % 65536 / 65536.0) - 0.5)));
            }

            parameter.copy_(transposed.Contains(name)
                ? tensor(values, [parameter.shape[1], parameter.shape[0]]).transpose(0, 1)
                : tensor(values, parameter.shape));
        }
    }
}
