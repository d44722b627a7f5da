using Rlhf.Torch.Extensions.Kernels;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Rlhf.Modeling.Transformer;

// Legend: B batch, T tokens, N wanted places, L visible places, H query heads, K key/value heads, G query heads per key/value head, E elements of one
// head, R turned elements of one head, D last dimension

/// <summary>
/// The arithmetic of the decoder, in the pieces that a fused implementation can replace. Weights in half precision are used as they
/// are; sums of squares and softmax are in single precision.
/// </summary>
internal static class TransformerOps
{
    private const double TanhScale = 0.7978845608028654; // √(2/π)

    /// <summary>x · Wᵀ + b.</summary>
    /// <param name="input">[…, inputs].</param>
    /// <param name="weight">[outputs, inputs].</param>
    /// <param name="bias">[outputs].</param>
    /// <param name="bf16">Whether single-precision factors are rounded to bfloat16; the sum is single precision all the same.</param>
    public static Tensor Linear(Tensor input, Tensor weight, Tensor? bias, bool bf16 = false)
    {
        if (!bf16 || weight.dtype != ScalarType.Float32)
        {
            return F.linear(input, weight, bias);
        }

        if (CpuKernels.Take(input, weight, bias))
        {
            return FusedFunctions.LinearBf16(input, weight, bias);
        }

        var product = F.linear(input.to_type(ScalarType.BFloat16), weight.to_type(ScalarType.BFloat16)).to_type(ScalarType.Float32);
        return bias is null ? product : product + bias;
    }

    /// <summary>The states at some places.</summary>
    /// <param name="x_BTD">All states.</param>
    /// <param name="places_N">int64, places in the flattened [B · T].</param>
    /// <returns>[N, D].</returns>
    public static Tensor SelectPlaces(Tensor x_BTD, Tensor places_N) => x_BTD.reshape(-1, x_BTD.shape[^1]).index_select(0, places_N);

    /// <summary>x / √(mean(x²) + ε) · weight over the last dimension.</summary>
    public static Tensor RmsNorm(Tensor input, Tensor? weight, double epsilon)
    {
        if (CpuKernels.Take(input, weight))
        {
            return FusedFunctions.RmsNorm(input, weight, epsilon);
        }

        var x = input.dtype == ScalarType.Float32 ? input : input.to_type(ScalarType.Float32);
        var normalized = (x * (x.square().mean([-1L], keepdim: true) + epsilon).rsqrt()).to_type(input.dtype);
        return weight is null ? normalized : normalized * weight;
    }

    /// <summary>(x − mean) / √(variance + ε) · weight + bias over the last dimension.</summary>
    public static Tensor LayerNorm(Tensor input, Tensor? weight, Tensor? bias, double epsilon) => CpuKernels.Take(input, weight, bias)
        ? FusedFunctions.LayerNorm(input, weight, bias, epsilon)
        : F.layer_norm(input, [input.shape[^1]], weight, bias, epsilon);

    /// <summary>
    /// Turns the first R elements of every head by the angles of its place (Su et al. 2021): element i together with element i + R/2.
    /// </summary>
    /// <param name="heads">[…, heads, E].</param>
    /// <param name="context">The angles; without rotary positions the heads come back as they are.</param>
    public static Tensor ApplyRotary(Tensor heads, AttentionContext context) => (context.Fused, context.Rotary) switch
    {
        ({ Positions_N: { } positions_N } fused, _) => FusedFunctions.Rotary(heads, positions_N, fused.Cos_PR2!, fused.Sin_PR2!),
        (null, { } factors) => ApplyRotary(heads, factors),
        _ => heads,
    };

    /// <summary>Attention of every place on the places that the context shows it.</summary>
    /// <param name="queries_BTHE">Queries; head h uses key/value head h / (H / K), so nothing is repeated.</param>
    /// <param name="keys_BTKE">Keys.</param>
    /// <param name="values_BTKE">Values.</param>
    /// <param name="context">Which places see which: causality, padding, packed documents, ALiBi.</param>
    /// <param name="scale">The factor of the scores.</param>
    /// <param name="window">A place sees itself and the window − 1 places before it; null: all before it.</param>
    /// <returns>[B, T, H, E], contiguous.</returns>
    public static Tensor Attention(
        Tensor queries_BTHE, Tensor keys_BTKE, Tensor values_BTKE, AttentionContext context, float scale, int? window) =>
        context.Fused is { } fused
            ? FusedFunctions.Attention(queries_BTHE, keys_BTKE, values_BTKE, fused.Sequences_BT, fused.Slopes_H, scale, window)
            : ScaledDotProduct(
                queries_BTHE, keys_BTKE.transpose(1, 2), values_BTKE.transpose(1, 2), scale, context.Mask(window), context.AlibiBias);

    /// <summary>
    /// softmax(scale · q·kᵀ + bias + mask) · v with the groups of a key/value head stacked along the query axis.
    /// </summary>
    /// <param name="queries_BTHE">The queries.</param>
    /// <param name="keys_BKLE">Keys of all L places.</param>
    /// <param name="values_BKLE">Values of the same places.</param>
    /// <param name="scale">The factor of the scores.</param>
    /// <param name="mask">Additive; broadcasts to [B, K, G, T, L]; null: everything visible.</param>
    /// <param name="bias">Additive, likewise.</param>
    /// <returns>[B, T, H, E], contiguous.</returns>
    public static Tensor ScaledDotProduct(
        Tensor queries_BTHE, Tensor keys_BKLE, Tensor values_BKLE, float scale, Tensor? mask, Tensor? bias = null)
    {
        var shape = queries_BTHE.shape;
        var (batch, length, heads, headDim) = (shape[0], shape[1], shape[2], shape[3]);
        var keyHeads = keys_BKLE.shape[1];
        var groups = heads / keyHeads;
        var stacked = (queries_BTHE * scale).reshape(batch, length, keyHeads, groups, headDim)
            .permute(0, 2, 3, 1, 4).reshape(batch, keyHeads, groups * length, headDim);
        var scores = matmul(stacked, keys_BKLE.transpose(2, 3)).view(batch, keyHeads, groups, length, -1);
        scores = bias is null ? scores : scores + bias;
        scores = mask is null ? scores : scores + mask;
        var mixed = matmul(Softmax(scores).to_type(values_BKLE.dtype).view(batch, keyHeads, groups * length, -1), values_BKLE);
        return mixed.view(batch, keyHeads, groups, length, headDim).permute(0, 3, 1, 2, 4)
            .reshape(batch, length, heads * headDim).view(batch, length, heads, headDim);
    }

    /// <summary>An activation function, elementwise.</summary>
    public static Tensor Activate(Tensor input, Activation activation) => activation switch
    {
        _ when CpuKernels.Take(input) => FusedFunctions.Activate(input, activation.ToKernel()),
        Activation.Silu => F.silu(input),
        Activation.Gelu => F.gelu(input),
        Activation.Relu => F.relu(input),
        _ => GeluTanh(input),
    };

    /// <summary>activation(gate) · up (Shazeer 2020).</summary>
    public static Tensor GatedActivate(Tensor gate, Tensor up, Activation activation) => CpuKernels.Take(gate, up)
        ? FusedFunctions.GatedActivate(gate, up, activation.ToKernel())
        : Activate(gate, activation) * up;

    private static Tensor ApplyRotary(Tensor heads, RotaryFactors factors)
    {
        var (width, turned) = (heads.shape[^1], factors.Cos.shape[^1]);
        return turned == width
            ? Turn(heads, factors)
            : cat([Turn(heads.narrow(-1, 0, turned), factors), heads.narrow(-1, turned, width - turned)], -1);
    }

    private static Tensor GeluTanh(Tensor x) => x * 0.5 * ((TanhScale * (x + (0.044715 * x.pow(3)))).tanh() + 1.0);

    private static Tensor Turn(Tensor x, RotaryFactors factors)
    {
        var half = x.shape[^1] / 2;
        var swapped = cat([x.narrow(-1, half, half), x.narrow(-1, 0, half)], -1);
        return (x * factors.Cos) + (swapped * factors.Sin);
    }

    private static Tensor Softmax(Tensor scores) => scores.dtype == ScalarType.Float32
        ? scores.softmax(-1)
        : scores.softmax(-1, ScalarType.Float32);
}
