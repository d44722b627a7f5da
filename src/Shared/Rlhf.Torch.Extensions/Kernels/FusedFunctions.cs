using TorchSharp;
using static TorchSharp.torch;

namespace Rlhf.Torch.Extensions.Kernels;

// Legend: B batch, T tokens, N rows, H query heads, K key/value heads, E elements of one head, D width, V vocabulary

/// <summary>
/// Fused operators of training with gradients of their own, in single precision on the CPU. Ask <see cref="CpuKernels.Take"/> before:
/// where it says no, the caller composes the same function from libtorch's operators. None can be differentiated twice.
/// </summary>
public static class FusedFunctions
{
    /// <summary>
    /// Causal attention, softmax(scale · q·kᵀ) · v, in tiles: memory grows with T, not T² (Dao et al. 2022).
    /// </summary>
    /// <param name="q_BTHE">Queries.</param>
    /// <param name="k_BTKE">Keys; H is a multiple of K.</param>
    /// <param name="v_BTKE">Values.</param>
    /// <param name="sequences_BT">int32; equal numbers see each other, 0 sees nothing and is not seen; null: one sequence in each row.</param>
    /// <param name="slopes_H">ALiBi slopes; null: none.</param>
    /// <param name="scale">The factor of the scores.</param>
    /// <param name="window">A place sees itself and the window − 1 places before it; null: all before it.</param>
    /// <returns>[B, T, H, E]; 0 where a place sees nothing.</returns>
    public static Tensor Attention(
        Tensor q_BTHE, Tensor k_BTKE, Tensor v_BTKE, Tensor? sequences_BT, Tensor? slopes_H, float scale, int? window) =>
        AttentionFunction.apply(q_BTHE, k_BTKE, v_BTKE, sequences_BT!, slopes_H!, new AttentionFunction.Options(scale, window ?? 0, Packing.None));

    /// <summary>The same of queries, keys and values in one tensor, whose gradient is made in one piece.</summary>
    /// <param name="qkv">[B, T, 3, H, E] or [B, T, H, 3, E].</param>
    /// <param name="packing">Which of them.</param>
    /// <param name="sequences_BT">As above.</param>
    /// <param name="slopes_H">As above.</param>
    /// <param name="scale">As above.</param>
    /// <param name="window">As above.</param>
    /// <returns>[B, T, H, E].</returns>
    public static Tensor Attention(Tensor qkv, Packing packing, Tensor? sequences_BT, Tensor? slopes_H, float scale, int? window) =>
        AttentionFunction.apply(qkv, null!, null!, sequences_BT!, slopes_H!, new AttentionFunction.Options(scale, window ?? 0, packing));

    /// <summary>
    /// x·Wᵀ + b with the factors of all products, also those of the gradients, rounded to bfloat16. Faster than single precision on
    /// processors that multiply bfloat16 faster; the weight stays the single-precision master.
    /// </summary>
    /// <param name="x">[…, I].</param>
    /// <param name="weight_OI">The matrix.</param>
    /// <param name="bias_O">Its bias; null: none.</param>
    /// <returns>[…, O] in single precision.</returns>
    public static Tensor LinearBf16(Tensor x, Tensor weight_OI, Tensor? bias_O) => Bf16LinearFunction.apply(x, weight_OI, bias_O!);

    /// <summary>x / √(mean(x²) + ε) · weight over the last dimension (Zhang and Sennrich 2019).</summary>
    public static Tensor RmsNorm(Tensor x, Tensor? weight, double epsilon) => NormFunction.apply(x, weight!, null!, epsilon, false);

    /// <summary>(x − mean) / √(variance + ε) · weight + bias over the last dimension (Ba et al. 2016).</summary>
    public static Tensor LayerNorm(Tensor x, Tensor? weight, Tensor? bias, double epsilon) => NormFunction.apply(x, weight!, bias!, epsilon, true);

    /// <summary>An activation function, elementwise.</summary>
    public static Tensor Activate(Tensor x, KernelActivation activation) => ActivationFunction.apply(x, null!, activation);

    /// <summary>activation(gate) · up (Shazeer 2020).</summary>
    public static Tensor GatedActivate(Tensor gate, Tensor up, KernelActivation activation) => ActivationFunction.apply(gate, up, activation);

    /// <summary>
    /// Turns the first R elements of every head by the angles of its place: element i together with element i + R/2 (Su et al. 2021).
    /// </summary>
    /// <param name="x_NHE">Heads of N places.</param>
    /// <param name="positions_N">int32, rows of the tables.</param>
    /// <param name="cos">[positions, R/2].</param>
    /// <param name="sin">[positions, R/2].</param>
    public static Tensor Rotary(Tensor x_NHE, Tensor positions_N, Tensor cos, Tensor sin) => RotaryFunction.apply(x_NHE, positions_N, cos, sin);

    /// <summary>
    /// Log-probabilities of given tokens, log softmax(scale · (hidden·Wᵀ + bias))[target], without ever holding more than
    /// <paramref name="budget"/> bytes of logits: above it they are computed again, part by part, in the backward pass.
    /// </summary>
    /// <param name="hidden_ND">Only the rows that are needed.</param>
    /// <param name="weight_VD">The output matrix.</param>
    /// <param name="bias_V">Its bias; null: none.</param>
    /// <param name="targets_N">int64.</param>
    /// <param name="scale">1 / temperature.</param>
    /// <param name="entropy">Whether the entropies are wanted too; they carry no gradient.</param>
    /// <param name="budget">Bytes of logits to hold at most; at least one row is held.</param>
    /// <param name="bf16">Whether the products take bfloat16 factors, as in <see cref="LinearBf16"/>; softmax stays single precision.</param>
    /// <returns>[N], and the entropies [N] in nats or null.</returns>
    public static (Tensor Logprobs_N, Tensor? Entropies_N) Logprobs(
        Tensor hidden_ND,
        Tensor weight_VD,
        Tensor? bias_V,
        Tensor targets_N,
        double scale = 1,
        bool entropy = false,
        long budget = 512L << 20,
        bool bf16 = false)
    {
        var outputs = LogprobFunction.apply(hidden_ND, weight_VD, bias_V!, targets_N, new LogprobFunction.Options((float)scale, entropy, budget, weight_VD.requires_grad, bf16));
        return (outputs[0], entropy ? outputs[1] : null);
    }

    /// <summary>One AdamW update of one parameter (Loshchilov and Hutter 2019): p ← decay·p − step·m / (√v + ε).</summary>
    /// <param name="parameter">Contiguous; changed.</param>
    /// <param name="gradient">Contiguous, of the same shape.</param>
    /// <param name="mean">Running mean of the gradient; changed.</param>
    /// <param name="square">Running mean of its square; changed.</param>
    /// <param name="constants">Both betas, the decay factor, the step with its bias corrections, and ε.</param>
    public static unsafe void AdamW(Tensor parameter, Tensor gradient, Tensor mean, Tensor square, AdamWConstants constants)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        ArgumentNullException.ThrowIfNull(constants);
        var arguments = new AdamWArguments
        {
            Parameter = CpuKernels.Floats(parameter),
            Gradient = CpuKernels.Floats(gradient),
            First = CpuKernels.Floats(mean),
            Second = CpuKernels.Floats(square),
            Count = parameter.numel(),
            Beta1 = (float)constants.Beta1,
            Beta2 = (float)constants.Beta2,
            Decay = (float)constants.Decay,
            StepSize = (float)constants.StepSize,
            Epsilon = (float)constants.Epsilon,
            GradientFactor = (float)constants.GradientFactor,
        };
        CpuKernels.Check(KernelMethods.rk_adamw_step(&arguments));
        GC.KeepAlive(parameter);
        GC.KeepAlive(gradient);
        GC.KeepAlive(mean);
        GC.KeepAlive(square);
    }

    /// <summary>Σ x², summed in an order that does not depend on the number of threads.</summary>
    /// <param name="x">Contiguous, single precision, on the CPU.</param>
    public static unsafe double SumSquares(Tensor x)
    {
        ArgumentNullException.ThrowIfNull(x);
        var sum = KernelMethods.rk_sum_squares(CpuKernels.Floats(x), x.numel());
        GC.KeepAlive(x);
        return sum;
    }
}

/// <summary>The numbers of one AdamW update.</summary>
/// <param name="Beta1">Decay of the running mean.</param>
/// <param name="Beta2">Decay of the running mean of squares.</param>
/// <param name="Decay">Multiplies the parameter first: 1 − learning rate · weight decay.</param>
/// <param name="StepSize">The learning rate with the bias corrections.</param>
/// <param name="Epsilon">Added to the root.</param>
/// <param name="GradientFactor">Multiplies the gradient first.</param>
public sealed record AdamWConstants(double Beta1, double Beta2, double Decay, double StepSize, double Epsilon, double GradientFactor = 1);
