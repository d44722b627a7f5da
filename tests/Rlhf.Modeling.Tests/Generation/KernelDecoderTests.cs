using System.Diagnostics;
using System.Globalization;
using Rlhf.Modeling.Adapters;
using Rlhf.Modeling.Generation;
using Rlhf.Modeling.Transformer;
using Rlhf.Numerics;
using Rlhf.Torch.Extensions;
using Rlhf.Torch.Extensions.Kernels;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Tests.Generation;

/// <summary>What only the kernel decoder has: shared blocks, 8-bit weights, adapters in its matrices, bfloat16 weights.</summary>
public sealed class KernelDecoderTests
{
    private static readonly TransformerConfig Config = TinyModels.Config with { MaxPositionEmbeddings = 128, InitializerRange = 0.2 };

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task LowerInstructionSets_PassTheDecodersTests(int level)
    {
        SkipWithoutKernels();

        // The level belongs to the process, and other tests run at the same time: this one needs a process of its own.
        using var process = new Process();
        process.StartInfo = new ProcessStartInfo(Environment.ProcessPath!)
        {
            ArgumentList = { "-noLogo", "-noColor", "-class", typeof(DecoderConformanceTests).FullName! },
            Environment = { [CpuKernels.LevelVariable] = level.ToString(CultureInfo.InvariantCulture) },
            RedirectStandardOutput = true,
        };
        process.Start();
        var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(process.ExitCode == 0, output);
        Assert.Contains("Failed: 0", output, StringComparison.Ordinal);
    }

    [Fact]
    public void ForkedSlots_ShareBlocks_UntilTheyWrite()
    {
        using var model = TinyModels.Causal(Config);
        using var cache = new KernelCache(model, slots: 3, maxLength: 100, shortNumbers: false);
        for (var position = 0; position < 40; position++)
        {
            cache.Prepare(0, position);
        }

        // 40 places are two blocks of 32; two forks add none, and each writer copies the half-filled one.
        Assert.Equal(2, cache.UsedBlocks);
        cache.Share(0, 1);
        cache.Share(0, 2);
        Assert.Equal(2, cache.UsedBlocks);
        cache.Prepare(1, 40);
        Assert.Equal(3, cache.UsedBlocks);
        cache.Prepare(2, 40);
        Assert.Equal(4, cache.UsedBlocks);
        cache.Prepare(0, 40);
        Assert.Equal(4, cache.UsedBlocks);
        cache.Release(0);
        Assert.Equal(3, cache.UsedBlocks);
        cache.Release(1);
        cache.Release(2);
        Assert.Equal(0, cache.UsedBlocks);
    }

    [Fact]
    public void LongTexts_PastSeveralBlocksAndPrefillPasses_AreThoseOfTheFullForwardPass()
    {
        SkipWithoutKernels();
        using var model = TinyModels.Causal(Config with { MaxPositionEmbeddings = 512, SlidingWindow = 40, ModelType = "mistral" });
        var random = new Philox(4);
        var prompt = Enumerable.Range(0, 300).Select(_ => random.Next(Config.VocabSize)).ToArray();
        using var decoder = new KernelDecoder(model, 2, 310);
        var logits = new float[Config.VocabSize];
        decoder.Prefill([1], [prompt], logits);
        AssertSame(model, prompt, logits, 1e-5f);
        decoder.Fork(1, 0);
        decoder.Step([0], [5], logits);
        AssertSame(model, [.. prompt, 5], logits, 1e-5f);
        decoder.Step([1], [6], logits);
        AssertSame(model, [.. prompt, 6], logits, 1e-5f);
    }

    [Fact]
    public void LoadIn8Bit_IsNearTheFullPrecision_ForFewRowsAndForMany()
    {
        SkipWithoutKernels();
        using var model = TinyModels.Causal(Config with { HiddenSize = 64, IntermediateSize = 128, NumAttentionHeads = 4, NumKeyValueHeads = 2, HeadDim = 16 });
        using var decoder = new KernelDecoder(model, 16, 32, loadIn8Bit: true);
        var prompts = Enumerable.Range(0, 16).Select(i => new[] { 3, 4 + i, 5 }).ToArray();
        var logits = new float[16 * Config.VocabSize];
        decoder.Prefill([.. Enumerable.Range(0, 16)], prompts, logits);
        for (var i = 0; i < 16; i++)
        {
            AssertNear(model, prompts[i], logits.AsSpan(i * Config.VocabSize, Config.VocabSize));
        }

        decoder.Step([3], [7], logits.AsSpan(0, Config.VocabSize));
        AssertNear(model, [.. prompts[3], 7], logits.AsSpan(0, Config.VocabSize));
    }

    [Fact]
    public void Bf16Weights_GiveNearlyTheNumbersOfTheirWidenedCopies()
    {
        SkipWithoutKernels();
        using var single = TinyModels.Causal(Config);
        using var half = new CausalLanguageModel(Config, ScalarType.BFloat16);
        using (no_grad())
        {
            foreach (var ((_, source), (_, target)) in single.named_parameters().Zip(half.named_parameters()))
            {
                target.copy_(source);
                source.copy_(target);
            }
        }

        using var decoder = new KernelDecoder(half, 1, 16);
        var logits = new float[Config.VocabSize];
        decoder.Prefill([0], [[3, 4, 5, 6]], logits);

        // Only keys and values are rounded, to 8 binary places.
        AssertSame(single, [3, 4, 5, 6], logits, 0.05f);
    }

    [Fact]
    public void Adapters_AreInTheMatrices_AndOffWhenDisabled()
    {
        SkipWithoutKernels();
        using var model = TinyModels.Causal(Config);
        var adapter = LoraAdapter.Attach(model, new LoraConfig { R = 4, TargetModules = ["q_proj", "v_proj", "down_proj"] }, new Philox(5));
        using (no_grad())
        {
            foreach (var (name, parameter) in model.named_parameters().Where(entry => entry.name.Contains("lora_B", StringComparison.Ordinal)))
            {
                Weights.FillNormal(parameter, new Philox((ulong)name.Length), 0.5);
            }
        }

        var logits = new float[Config.VocabSize];
        using (var decoder = new KernelDecoder(model, 1, 16))
        {
            decoder.Prefill([0], [[3, 4, 5, 6]], logits);
            AssertSame(model, [3, 4, 5, 6], logits, 2e-5f);
        }

        var adapted = logits.ToArray();
        using (adapter.Disable())
        {
            using var decoder = new KernelDecoder(model, 1, 16);
            decoder.Prefill([0], [[3, 4, 5, 6]], logits);
            AssertSame(model, [3, 4, 5, 6], logits, 2e-5f);
            Assert.True(logits.Zip(adapted).Max(pair => Math.Abs(pair.First - pair.Second)) > 0.01);
        }
    }

    private static void SkipWithoutKernels() =>
        Assert.SkipUnless(CpuKernels.IsAvailable, $"there are no CPU kernels: {KernelLibrary.Problem}");

    private static float[] Expected(CausalLanguageModel model, int[] ids)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return TinyModels.Floats(model.forward(TinyModels.Ids(ids))[0, ids.Length - 1].log_softmax(0));
    }

    private static float[] LogSoftmax(ReadOnlySpan<float> logits)
    {
        using var scope = NewDisposeScope();
        return TinyModels.Floats(tensor(logits.ToArray()).log_softmax(0));
    }

    private static void AssertSame(CausalLanguageModel model, int[] ids, ReadOnlySpan<float> logits, float tolerance)
    {
        foreach (var (expected, actual) in Expected(model, ids).Zip(LogSoftmax(logits)))
        {
            Assert.Equal(expected, actual, tolerance * Math.Max(1, Math.Abs(expected)));
        }
    }

    /// <summary>Rounding weights and activations to 1/254 of a block's largest leaves the distribution, not its digits.</summary>
    private static void AssertNear(CausalLanguageModel model, int[] ids, ReadOnlySpan<float> logits)
    {
        var (expected, actual) = (Expected(model, ids), LogSoftmax(logits));
        var divergence = expected.Zip(actual).Sum(pair => Math.Exp(pair.First) * (pair.First - pair.Second));
        Assert.InRange(divergence, 0, 0.01);
        Assert.True(expected.Zip(actual).Max(pair => Math.Abs(pair.First - pair.Second)) > 1e-5, "nothing was rounded");
    }
}
