using Rlhf.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Transformer;

/// <summary>Fills and copies the weights of whole modules.</summary>
internal static class Weights
{
    /// <summary>Copies every parameter to the one of the same name.</summary>
    public static void Copy(nn.Module source, nn.Module target)
    {
        using var noGrad = no_grad();
        foreach (var ((_, from), (_, to)) in source.named_parameters().Zip(target.named_parameters()))
        {
            to.copy_(from);
        }
    }

    /// <summary>Independent normal numbers with mean 0.</summary>
    public static void FillNormal(Tensor weight, Philox random, double standardDeviation)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var values = new float[weight.numel()];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = (float)(random.NextNormal() * standardDeviation);
        }

        weight.copy_(tensor(values, weight.shape));
    }
}
