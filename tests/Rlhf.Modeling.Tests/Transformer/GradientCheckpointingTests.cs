using System.Diagnostics;
using Rlhf.Modeling.Adapters;
using Rlhf.Modeling.Heads;
using Rlhf.Modeling.Transformer;
using Rlhf.Numerics;
using Rlhf.Torch.Extensions;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Tests.Transformer;

/// <summary>Memory is measured for the whole process, so nothing else may run meanwhile.</summary>
[CollectionDefinition(nameof(GradientCheckpointingTests), DisableParallelization = true)]
public sealed class GradientCheckpointingCollection;

/// <summary>Computing activations again changes what is held, and no number.</summary>
[Collection(nameof(GradientCheckpointingTests))]
public sealed class GradientCheckpointingTests
{
    public static TheoryData<string> Families => [.. TinyModels.Families.Keys];

    [Theory]
    [MemberData(nameof(Families))]
    public void GradientCheckpointing_OnAndOff_SameLossAndGradients(string family)
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Causal(TinyModels.Families[family]);
        var ids = tensor(new long[] { 3, 4, 5, 6, 7, 2, 8, 9, 10, 11, 12, 13 }, [2, 6]);
        var mask = tensor(new long[] { 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0 }, [2, 6]);

        var (loss, gradients) = Run(on: false);
        var (again, recomputed) = Run(on: true);

        Assert.Equal(loss, again, 1e-6);
        Assert.Equal(gradients.Keys, recomputed.Keys);
        Assert.All(gradients, g => Assert.Equal(0, (g.Value - recomputed[g.Key]).abs().max().item<float>(), 1e-6));

        (float Loss, Dictionary<string, Tensor> Gradients) Run(bool on)
        {
            model.GradientCheckpointing = on;
            foreach (var parameter in model.parameters())
            {
                parameter.grad = null!;
            }

            var result = model.Logits(model.Hidden(ids, mask)).log_softmax(-1).mean();
            result.backward();
            return (result.item<float>(), model.named_parameters().ToDictionary(p => p.name, p => p.parameter.grad!.clone()));
        }
    }

    [Fact]
    public void GradientCheckpointing_UnderAnAdapter_ReachesItAlthoughTheEmbeddingsAreFrozen()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Causal(TinyModels.Config);
        var adapter = LoraAdapter.Attach(model, new LoraConfig { R = 2, LoraAlpha = 2, TargetModules = [LoraConfig.AllLinear] }, new Philox(3));

        var plain = Gradients(on: false);
        var recomputed = Gradients(on: true);

        Assert.Contains(plain, g => g.abs().max().item<float>() > 1e-4);
        Assert.All(plain.Zip(recomputed), pair => Assert.Equal(0, (pair.First - pair.Second).abs().max().item<float>(), 1e-6));

        List<Tensor> Gradients(bool on)
        {
            model.GradientCheckpointing = on;
            foreach (var (_, parameter) in adapter.NamedParameters())
            {
                parameter.grad = null!;
            }

            model.forward(TinyModels.Ids([3, 4, 5, 6])).log_softmax(-1).mean().backward();
            return [.. adapter.NamedParameters().Select(p => p.Parameter.grad!.clone())];
        }
    }

    [Fact]
    public void GradientCheckpointing_OfAScalarHead_SameGradients()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Causal(TinyModels.Config);
        using var critic = ScalarHeadModel.FromCausal(model, new Philox(1));

        critic.Values(TinyModels.Ids([3, 4, 5, 6]), null).sum().backward();
        var plain = critic.parameters().Select(p => p.grad!.clone()).ToArray();
        critic.GradientCheckpointing = true;
        foreach (var parameter in critic.parameters())
        {
            parameter.grad = null!;
        }

        critic.Values(TinyModels.Ids([3, 4, 5, 6]), null).sum().backward();

        Assert.All(plain.Zip(critic.parameters()), pair => Assert.Equal(0, (pair.First - pair.Second.grad!).abs().max().item<float>(), 1e-6));
    }

    [Fact]
    public void GradientCheckpointing_DeepModel_HoldsAFractionBetweenForwardAndBackward()
    {
        var config = TinyModels.Config with { NumHiddenLayers = 16, HiddenSize = 64, IntermediateSize = 256, HeadDim = 16, MaxPositionEmbeddings = 1024 };
        using var model = new CausalLanguageModel(config);
        model.Initialize(new Philox(1));
        var ids = Enumerable.Range(0, 8 * 1024).Select(i => (long)(i % config.VocabSize)).ToArray();
        Held(on: true);

        var recomputed = Held(on: true);
        var held = Held(on: false);

        // 8,192 tokens in 16 blocks: about 1,200 numbers of 4 bytes each a block and token, or 64 of them: 630 MB and 34 MB.
        Assert.True(held - recomputed > 200L << 20, $"{held >> 20} MiB held, {recomputed >> 20} MiB with gradient checkpointing");

        long Held(bool on)
        {
            model.GradientCheckpointing = on;
            TorchRuntime.TrimMemory();
            var before = Resident();
            using var scope = NewDisposeScope();
            var sum = model.Hidden(tensor(ids, [8, 1024])).sum();
            var after = Resident();
            sum.backward();
            return after - before;
        }
    }

    private static long Resident()
    {
        using var process = Process.GetCurrentProcess();
        return process.WorkingSet64;
    }
}
