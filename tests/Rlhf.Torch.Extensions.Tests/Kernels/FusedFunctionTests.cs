using Rlhf.Torch.Extensions.Kernels;
using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Rlhf.Torch.Extensions.Tests.Kernels;

/// <summary>Fused functions and their gradients against libtorch's operators in double precision.</summary>
public sealed class FusedFunctionTests : KernelTest
{
    [Theory]
    [MemberData(nameof(Levels))]
    public void Norms_AreTheirFormulas(int level) => OnLevel(level, () =>
    {
        // Widths around the size of a vector, and rows that do not divide into the shares of the weight's gradient.
        foreach (var (rows, width) in new[] { (1L, 1L), (3, 15), (5, 16), (17, 33), (50, 768) })
        {
            Tensor[] inputs = [Random(1, rows, width) + 0.5, Random(2, width), Random(3, width)];
            SameWithGradients(
                x => F.layer_norm(x[0], [width], x[1], x[2], 1e-5), x => FusedFunctions.LayerNorm(x[0], x[1], x[2], 1e-5), inputs);
            SameWithGradients(
                x => x[0] * (x[0].square().mean([-1L], keepdim: true) + 1e-5).rsqrt() * x[1], x => FusedFunctions.RmsNorm(x[0], x[1], 1e-5), inputs[..2]);
            SameWithGradients(x => F.layer_norm(x[0], [width], eps: 1e-5), x => FusedFunctions.LayerNorm(x[0], null, null, 1e-5), inputs[..1]);
        }
    });

    [Theory]
    [MemberData(nameof(Levels))]
    public void Activations_AreTheirFormulas(int level) => OnLevel(level, () =>
    {
        var formulas = new Dictionary<KernelActivation, Func<Tensor, Tensor>>
        {
            [KernelActivation.Silu] = x => x * x.sigmoid(),
            [KernelActivation.Gelu] = x => F.gelu(x),
            [KernelActivation.GeluTanh] = x => x * 0.5 * ((Math.Sqrt(2 / Math.PI) * (x + (0.044715 * x.pow(3)))).tanh() + 1.0),
            [KernelActivation.Relu] = x => F.relu(x),
        };
        foreach (var (activation, formula) in formulas)
        {
            Tensor[] inputs = [Random(1, 7, 37) * 3, Random(2, 7, 37)];
            SameWithGradients(x => formula(x[0]), x => FusedFunctions.Activate(x[0], activation), inputs[..1]);
            SameWithGradients(x => formula(x[0]) * x[1], x => FusedFunctions.GatedActivate(x[0], x[1], activation), inputs);
        }
    });

    [Theory]
    [MemberData(nameof(Levels))]
    public void Activations_OfExtremeNumbers_StayFinite(int level) => OnLevel(level, () =>
    {
        var x = tensor(new[] { -1e30f, -200f, -88f, 0f, 88f, 200f, 1e10f });
        var silu = FusedFunctions.Activate(x, KernelActivation.Silu);
        Close(tensor(new[] { 0f, 0f, 0f, 0f, 88f, 200f, 1e10f }), silu);
        Assert.True(FusedFunctions.Activate(tensor(new[] { float.NaN }), KernelActivation.Silu).isnan().item<bool>());
    });

    [Theory]
    [MemberData(nameof(Levels))]
    public void Rotary_TurnsPairsAndBack(int level) => OnLevel(level, () =>
    {
        // 10 elements of which 6 turn: element i with element i + 3.
        var positions = tensor(new[] { 4, 0, 2, 7, 1 });
        var angles = (arange(8, dtype: ScalarType.Float32).unsqueeze(1) * tensor(new[] { 1f, 0.3f, 0.1f })).to_type(ScalarType.Float32);
        var (cos, sin) = (angles.cos(), angles.sin());
        SameWithGradients(
            x =>
            {
                var c = cos.to_type(ScalarType.Float64).index_select(0, positions.to_type(ScalarType.Int64)).unsqueeze(1);
                var s = sin.to_type(ScalarType.Float64).index_select(0, positions.to_type(ScalarType.Int64)).unsqueeze(1);
                var (first, second) = (x[0].narrow(-1, 0, 3), x[0].narrow(-1, 3, 3));
                return cat([(first * c) - (second * s), (second * c) + (first * s), x[0].narrow(-1, 6, 4)], -1);
            },
            x => FusedFunctions.Rotary(x[0], positions, cos, sin),
            Random(1, 5, 2, 10));
    });

    [Theory]
    [MemberData(nameof(Levels))]
    public void Attention_IsMaskedSoftmax(int level) => OnLevel(level, () =>
    {
        // Lengths around a tile of 64, heads that share keys and values, and widths that are no whole vectors.
        foreach (var (length, heads, keyHeads, dim) in new[] { (1L, 2L, 1L, 8L), (7, 4, 2, 20), (64, 2, 2, 16), (65, 3, 1, 33), (130, 2, 2, 64) })
        {
            foreach (var options in new[] { Masking.None, Masking.Window, Masking.Packed, Masking.Alibi })
            {
                var sequences = options == Masking.Packed ? Packed(2, length) : null;
                int? window = options == Masking.Window ? 5 : null;
                var slopes = options == Masking.Alibi ? arange(heads, dtype: ScalarType.Float32) * 0.1f + 0.05f : null;
                SameWithGradients(
                    x => Reference(x[0], x[1], x[2], sequences, slopes, 0.3, window),
                    x => FusedFunctions.Attention(x[0], x[1], x[2], sequences, slopes, 0.3f, window),
                    Random(1, 2, length, heads, dim),
                    Random(2, 2, length, keyHeads, dim),
                    Random(3, 2, length, keyHeads, dim));
            }
        }
    });

    [Theory]
    [MemberData(nameof(Levels))]
    public void Attention_OfOneTensor_IsThatOfItsParts(int level) => OnLevel(level, () =>
    {
        var sequences = Packed(2, 70);
        SameWithGradients(
            x => Reference(x[0].select(2, 0), x[0].select(2, 1), x[0].select(2, 2), sequences, null, 0.3, 9),
            x => FusedFunctions.Attention(x[0], Packing.Concatenated, sequences, null, 0.3f, 9),
            Random(1, 2, 70, 3, 4, 20));
        SameWithGradients(
            x => Reference(x[0].select(3, 0), x[0].select(3, 1), x[0].select(3, 2), sequences, null, 0.3, 9),
            x => FusedFunctions.Attention(x[0], Packing.PerHead, sequences, null, 0.3f, 9),
            Random(1, 2, 70, 4, 3, 20));
        Assert.Contains(
            "[2, 70, 4, 3, 20]",
            Assert.Throws<ArgumentException>(() => FusedFunctions.Attention(Random(1, 2, 70, 4, 3, 20), Packing.Concatenated, null, null, 1, null)).Message,
            StringComparison.Ordinal);
    });

    [Theory]
    [MemberData(nameof(Levels))]
    public void Logprobs_AreLogSoftmaxAtTheTargets(int level) => OnLevel(level, () =>
    {
        var targets = tensor(new long[] { 3, 0, 70, 12, 5, 5, 69 });
        foreach (var budget in new[] { 1L << 20, 1 })
        {
            SameWithGradients(
                x => (F.linear(x[0], x[1], x[2]) * 1.5).log_softmax(-1).gather(1, targets.unsqueeze(1)).squeeze(1),
                x => FusedFunctions.Logprobs(x[0], x[1], x[2], targets, 1.5, budget: budget).Logprobs_N,
                Random(1, 7, 20),
                Random(2, 71, 20),
                Random(3, 71));
        }

        var (hidden, weight) = (Random(1, 7, 20), Random(2, 71, 20));
        var (_, entropies) = FusedFunctions.Logprobs(hidden, weight, null, targets, entropy: true);
        var logprobs = F.linear(hidden, weight).to_type(ScalarType.Float64).log_softmax(-1);
        Close((logprobs.exp() * logprobs).sum(-1).neg(), entropies!);
    });

    [Theory]
    [MemberData(nameof(Levels))]
    public void LinearBf16_RoundsTheFactorsOfEveryProduct(int level) => OnLevel(level, () =>
    {
        // Double-precision products of the rounded factors; what is rounded once more is each product's result.
        static Tensor Rounded(Tensor x) => x.to_type(ScalarType.BFloat16).to_type(ScalarType.Float64);
        var (x, w, b) = (Random(1, 2, 5, 37).requires_grad_(), Random(2, 19, 37).requires_grad_(), Random(3, 19).requires_grad_());
        var upstream = Random(4, 2, 5, 19);

        var y = FusedFunctions.LinearBf16(x, w, b);
        y.backward([upstream]);

        // 2⁻⁸: half a unit in the last of bfloat16's 8 binary places, of the largest number.
        const double HalfUnit = 1.0 / 256;
        Close(F.linear(Rounded(x.detach()), Rounded(w.detach())) + b.detach().to_type(ScalarType.Float64), y.detach(), HalfUnit);
        Close(Rounded(upstream).matmul(Rounded(w.detach())), x.grad!, HalfUnit);
        Close(Rounded(upstream).view(10, 19).t().matmul(Rounded(x.detach()).view(10, 37)), w.grad!, HalfUnit);
        Close(upstream.sum([0L, 1L]), b.grad!);
        Assert.Equal(ScalarType.Float32, w.grad!.dtype);
    });

    [Fact]
    public void LogprobsInBf16_AreThoseOfRoundedFactors() => OnLevel(1, () =>
    {
        var targets = tensor(new long[] { 3, 0, 70 });
        var (hidden, weight) = (Random(1, 3, 20).requires_grad_(), Random(2, 71, 20).requires_grad_());
        foreach (var budget in new[] { 1L << 20, 1 })
        {
            hidden.grad = weight.grad = null;
            var logprobs = FusedFunctions.Logprobs(hidden, weight, null, targets, budget: budget, bf16: true).Logprobs_N;
            logprobs.sum().backward();
            var (h, w) = (hidden.detach().clone().requires_grad_(), weight.detach().clone().requires_grad_());
            var expected = F.linear(h, w).log_softmax(-1).gather(1, targets.unsqueeze(1)).squeeze(1);
            expected.sum().backward();
            Close(expected.detach(), logprobs.detach(), 0.01);
            Close(h.grad!, hidden.grad!, 0.02);
            Close(w.grad!, weight.grad!, 0.02);
        }
    });

    [Fact]
    public void Logprobs_ComputedPartByPart_EqualThoseOfOnePart() => OnLevel(1, () =>
    {
        // Parts hold 32 MiB of logits: 129 rows of 65,536 are two parts.
        var targets = arange(129, dtype: ScalarType.Int64) * 500;
        var (hidden, weight) = (Random(1, 129, 4), Random(2, 65536, 4));
        var results = new List<(Tensor Logprobs, Tensor Hidden, Tensor Weight)>();
        foreach (var budget in new[] { 1L << 30, 1 })
        {
            var (h, w) = (hidden.detach().clone().requires_grad_(), weight.detach().clone().requires_grad_());
            var logprobs = FusedFunctions.Logprobs(h, w, null, targets, budget: budget).Logprobs_N;
            logprobs.sum().backward();
            results.Add((logprobs.detach(), h.grad!, w.grad!));
        }

        Close(results[0].Logprobs, results[1].Logprobs);
        Close(results[0].Hidden, results[1].Hidden);
        Close(results[0].Weight, results[1].Weight);
    });

    [Theory]
    [MemberData(nameof(Levels))]
    public void AdamW_IsItsFormula(int level) => OnLevel(level, () =>
    {
        var (p, g, m, v) = (Random(1, 37), Random(2, 37), Random(3, 37), Random(4, 37).square());
        var mean = (m.to_type(ScalarType.Float64) * 0.9) + (g.to_type(ScalarType.Float64) * 0.1);
        var square = (v.to_type(ScalarType.Float64) * 0.99) + (g.to_type(ScalarType.Float64).square() * 0.01);
        var expected = (p.to_type(ScalarType.Float64) * 0.95) - (0.02 * mean / (square.sqrt() + 1e-3));

        FusedFunctions.AdamW(p, g * 4, m, v, new AdamWConstants(0.9, 0.99, 0.95, 0.02, 1e-3, GradientFactor: 0.25));

        Close(mean, m);
        Close(square, v);
        Close(expected, p);
    });

    [Theory]
    [MemberData(nameof(Levels))]
    public void SumSquares_DoesNotDependOnThreads(int level) => OnLevel(level, () =>
    {
        var x = Random(1, 100_003);
        var sums = new[] { 1, 2, 3 }.Select(threads =>
        {
            CpuKernels.SetThreads(threads);
            return FusedFunctions.SumSquares(x);
        }).ToArray();
        CpuKernels.SetThreads(Environment.ProcessorCount);

        Assert.Equal(x.to_type(ScalarType.Float64).square().sum().item<double>(), sums[0], sums[0] * 1e-6);
        Assert.Equal(sums[0], sums[1]);
        Assert.Equal(sums[0], sums[2]);
    });

    [Fact]
    public void Backward_LeavesNoTensors() => OnLevel(1, () =>
    {
        var (x, w) = (Random(1, 1, 9, 2, 8).requires_grad_(), Random(2, 8).requires_grad_());
        Train();
        var before = TorchRuntime.LiveTensors;
        Train();
        Assert.Equal(before, TorchRuntime.LiveTensors);

        void Train()
        {
            using var scope = NewDisposeScope();
            var normed = FusedFunctions.RmsNorm(x, w, 1e-5);
            var mixed = FusedFunctions.Attention(normed, normed, normed, null, null, 1, null);
            FusedFunctions.Logprobs(mixed.view(9, 16), x.view(18, 8).narrow(0, 0, 18).reshape(9, 16), null, zeros(9, dtype: ScalarType.Int64)).Logprobs_N.sum().backward();
            x.grad = null;
            w.grad = null;
        }
    });

    [Fact]
    public void Take_SaysNoToOtherTypes() => OnLevel(1, () =>
    {
        Assert.True(CpuKernels.Take(ones(1, dtype: ScalarType.Float32), null));
        Assert.False(CpuKernels.Take(ones(1, dtype: ScalarType.Float32), ones(1, dtype: ScalarType.Float64)));
        Assert.False(CpuKernels.Take(ones(1, dtype: ScalarType.BFloat16)));
    });

    [Fact]
    public unsafe void Pointer_OfMoreThanASpanHolds_IsTheFirstNumber() => OnLevel(1, () =>
    {
        // Reserved, not touched: the system gives no memory for it.
        var large = empty([(1L << 29) + 1], dtype: ScalarType.Float32);
        large.narrow(0, 0, 1).fill_(7f);
        Assert.Equal(7f, *(float*)CpuKernels.Pointer(large));
        Assert.True(CpuKernels.Pointer(null) == null);
    });

    private enum Masking
    {
        None,
        Window,
        Packed,
        Alibi,
    }

    /// <summary>Two documents in every row, and padding at both ends of the second row.</summary>
    private static Tensor Packed(int batch, long length)
    {
        var ids = new int[batch * length];
        for (var i = 0; i < ids.Length; i++)
        {
            var place = i % length;
            ids[i] = i >= length && (place == 0 || place == length - 1) ? 0 : place < length / 2 ? 1 : 2;
        }

        return tensor(ids).view(batch, length);
    }

    private static Tensor Reference(Tensor q, Tensor k, Tensor v, Tensor? sequences, Tensor? slopes, double scale, int? window)
    {
        var (length, heads, groups) = (q.shape[1], q.shape[2], q.shape[2] / k.shape[2]);
        var order = arange(heads, dtype: ScalarType.Int64).div(groups, RoundingMode.floor);
        var scores = matmul(q.transpose(1, 2), k.index_select(2, order).permute(0, 2, 3, 1)) * scale;
        var places = arange(length, dtype: ScalarType.Int64);
        var back = places.unsqueeze(1) - places.unsqueeze(0);
        var hidden = back.lt(0);
        hidden = window is { } size ? hidden.logical_or(back.ge(size)) : hidden;
        if (slopes is not null)
        {
            scores = scores - (slopes.view(heads, 1, 1).to_type(ScalarType.Float64) * back);
        }

        if (sequences is not null)
        {
            hidden = hidden.logical_or(sequences.unsqueeze(2).ne(sequences.unsqueeze(1)).logical_or(sequences.unsqueeze(2).eq(0))).unsqueeze(1);
        }

        // A place that sees nothing gives 0.
        var weights = scores.masked_fill(hidden, -1e9).softmax(-1).masked_fill(hidden, 0);
        return matmul(weights, v.index_select(2, order).transpose(1, 2)).transpose(1, 2);
    }
}
