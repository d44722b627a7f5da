using Rlhf.Modeling.Heads;
using Rlhf.Modeling.Transformer;
using Rlhf.Numerics;
using Rlhf.Torch.Extensions.Kernels;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Tests.Transformer;

/// <summary>Mixed precision: near single precision, not equal to it, and the weights stay what they are.</summary>
public sealed class MixedPrecisionTests
{
    [Fact]
    public void Bf16_IsNearSinglePrecision_AndTrainsSinglePrecisionWeights()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Causal(TinyModels.Config);
        var ids = TinyModels.Ids([3, 4, 5, 6, 7, 8]);
        var tokens = tensor(new long[] { 4, 5, 6, 7, 8, 9 });
        var single = Logprobs();

        model.Bf16 = true;
        var mixed = Logprobs();

        var difference = (single - mixed).abs().max().item<float>();
        Assert.InRange(difference, 1e-7f, 0.05f);
        Assert.All(model.parameters(), parameter =>
        {
            Assert.Equal(ScalarType.Float32, parameter.dtype);
            Assert.Equal(ScalarType.Float32, parameter.grad!.dtype);
        });

        using var clone = model.Clone();
        Assert.True(clone.Bf16);
        model.Bf16 = false;
        Assert.Equal(TinyModels.Floats(single), TinyModels.Floats(Logprobs()));

        Tensor Logprobs()
        {
            var logprobs = model.Logprobs(model.Hidden(ids).view(6, -1), tokens).Logprobs_N;
            logprobs.sum().backward();
            return logprobs.detach();
        }
    }

    [Fact]
    public void Bf16_OfAScalarHead_LeavesTheScoreInSinglePrecision()
    {
        using var scope = NewDisposeScope();
        using var lm = TinyModels.Causal(TinyModels.Config);
        using var model = ScalarHeadModel.FromCausal(lm, new Philox(3));
        var ids = TinyModels.Ids([3, 4, 5, 6]);
        var single = model.Values(ids, null);
        model.Bf16 = true;
        var mixed = model.Values(ids, null);
        Assert.InRange((single - mixed).abs().max().item<float>(), 1e-7f, 0.05f);
        Assert.Equal(ScalarType.Float32, mixed.dtype);
    }

    [Fact]
    public void Use_IsWhatWasAskedFor_WhereItIsFaster()
    {
        using var model = TinyModels.Causal(TinyModels.Config);
        Assert.False(MixedPrecision.Use(bf16: false, model));
        Assert.Equal(CpuKernels.MultipliesBf16Faster, MixedPrecision.Use(bf16: true, model));
        Assert.True(MixedPrecision.IsFasterOn(CUDA));
    }
}
