using Rlhf.Numerics;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Transformer;

/// <summary>Makes, fills and copies weights.</summary>
internal static class Weights
{
    /// <summary>A parameter whose numbers are whatever the memory held: drawing some only to overwrite them would take seconds.</summary>
    public static Parameter Uninitialised(long[] shape, ScalarType dtype) => Own(empty(shape, dtype: dtype));

    /// <summary>A parameter that outlives the dispose scope it was made in.</summary>
    public static Parameter Own(Tensor data)
    {
        var parameter = new Parameter(data);
        parameter.DetachFromDisposeScope();
        return parameter;
    }

    /// <summary>Copies every parameter to the one of the same name.</summary>
    /// <exception cref="InvalidOperationException">If an adapter is attached to one of them.</exception>
    public static void Copy(nn.Module source, nn.Module target)
    {
        using var noGrad = no_grad();
        foreach (var ((name, from), (other, to)) in source.named_parameters().Zip(target.named_parameters()))
        {
            if (name != other)
            {
                throw new InvalidOperationException($"the models differ at {name} and {other}: detach adapters before copying");
            }

            to.copy_(from);
        }
    }

    /// <summary>Independent numbers between −<paramref name="bound"/> and <paramref name="bound"/>.</summary>
    public static void FillUniform(Tensor weight, Philox random, double bound)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var values = new float[weight.numel()];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = (float)(((2 * random.NextDouble()) - 1) * bound);
        }

        weight.copy_(tensor(values, weight.shape));
    }

    /// <summary>Whether the products of all projections take bfloat16 factors.</summary>
    public static void SetBf16(nn.Module module, bool value)
    {
        foreach (var projection in module.modules().OfType<Projection>())
        {
            projection.Bf16 = value;
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

    /// <summary>The draws of <see cref="CausalLanguageModel.Initialize"/>, for any module made of this folder's parts.</summary>
    /// <param name="module">Its parameters are filled in their order.</param>
    /// <param name="random">Source of the numbers.</param>
    /// <param name="standardDeviation">Of every matrix that <paramref name="exceptions"/> does not name.</param>
    /// <param name="exceptions">Matrices with a standard deviation of their own.</param>
    public static void Initialize(
        nn.Module module, Philox random, double standardDeviation, IReadOnlyDictionary<Parameter, double> exceptions)
    {
        using var noGrad = no_grad();
        var norms = module.modules().OfType<Norm>().SelectMany(norm => norm.parameters()).ToHashSet(ReferenceEqualityComparer.Instance);
        foreach (var (name, parameter) in module.named_parameters())
        {
            if (name.EndsWith(".bias", StringComparison.Ordinal))
            {
                parameter.zero_();
            }
            else if (norms.Contains(parameter))
            {
                parameter.fill_(1f);
            }
            else
            {
                FillNormal(parameter, random, exceptions.GetValueOrDefault(parameter, standardDeviation));
            }
        }
    }
}
