using System.Diagnostics;
using System.Numerics;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Rlhf.Bench;

/// <summary>What the machine can do at most, measured in the same run as the figures that are compared with it: the best of several tries.</summary>
/// <param name="Fp32Flops">Single-precision matrix products through libtorch, operations a second.</param>
/// <param name="Bf16Flops">The same in bf16.</param>
/// <param name="BytesPerSecond">Memory read by a thread on each processor.</param>
/// <param name="BytesPerSecondOfOne">Memory read by one thread.</param>
public sealed record MachineLimits(double Fp32Flops, double Bf16Flops, double BytesPerSecond, double BytesPerSecondOfOne)
{
    private const int Tries = 7;

    // Far beyond any cache that a virtual machine may have a part of.
    private const nuint ReadBytes = 1 << 30;

    // Rows, inputs, outputs: what a training step of GPT-2 multiplies, and a square one.
    private static readonly (long Rows, long Inputs, long Outputs)[] shapes = [(1024, 768, 3072), (1024, 3072, 768), (1536, 1536, 1536)];

    /// <summary>Measures for a few seconds, and prints a line.</summary>
    public static MachineLimits Measure()
    {
        var limits = new MachineLimits(
            Flops(ScalarType.Float32), Flops(ScalarType.BFloat16), BytesRead(Environment.ProcessorCount), BytesRead(1));
        Console.WriteLine(FormattableString.Invariant(
            $"Limits: {limits.Fp32Flops / 1e9:F0} GFLOP/s fp32, {limits.Bf16Flops / 1e9:F0} GFLOP/s bf16, memory read {limits.BytesPerSecond / 1e9:F1} GB/s, {limits.BytesPerSecondOfOne / 1e9:F1} from one thread.\n"));
        return limits;
    }

    /// <summary>Operations a second of a step: one that may multiply bf16 factors takes what is faster.</summary>
    /// <param name="precision">fp32 or bf16.</param>
    public double Flops(string precision) => precision == "bf16" ? Math.Max(Fp32Flops, Bf16Flops) : Fp32Flops;

    private static double Flops(ScalarType type)
    {
        using var noGrad = no_grad();
        var best = 0.0;
        foreach (var (rows, inputs, outputs) in shapes)
        {
            using var scope = NewDisposeScope();
            var x = ones([rows, inputs], dtype: type);
            var weight = ones([outputs, inputs], dtype: type);
            nn.functional.linear(x, weight).Dispose();
            for (var i = 0; i < Tries; i++)
            {
                var clock = Stopwatch.StartNew();
                nn.functional.linear(x, weight).Dispose();
                best = Math.Max(best, 2.0 * rows * inputs * outputs / clock.Elapsed.TotalSeconds);
            }
        }

        return best;
    }

    private static unsafe double BytesRead(int threads)
    {
        var memory = (byte*)NativeMemory.AlignedAlloc(ReadBytes, 64);
        try
        {
            NativeMemory.Fill(memory, ReadBytes, 1);
            var best = 0.0;
            for (var i = 0; i < Tries; i++)
            {
                var clock = Stopwatch.StartNew();
                var part = ReadBytes / (nuint)threads / 256 * 256;
                var readers = Enumerable.Range(1, threads - 1).Select(t => new Thread(() => Sum(memory + ((nuint)t * part), part))).ToList();
                readers.ForEach(reader => reader.Start());
                Sum(memory, part);
                readers.ForEach(reader => reader.Join());
                best = Math.Max(best, part * (double)threads / clock.Elapsed.TotalSeconds);
            }

            return best;
        }
        finally
        {
            NativeMemory.AlignedFree(memory);
        }
    }

    private static unsafe int Sum(byte* memory, nuint bytes)
    {
        Vector<int> a = default, b = default, c = default, d = default;
        var step = (nuint)(4 * Vector<byte>.Count);
        for (nuint i = 0; i + step <= bytes; i += step)
        {
            var at = (Vector<int>*)(memory + i);
            a += at[0];
            b += at[1];
            c += at[2];
            d += at[3];
        }

        return Vector.Sum(a + b + c + d);
    }
}
