using Rlhf.Modeling.Adapters;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Transformer;

/// <summary>
/// x · Wᵀ + b with uninitialised weights: a checkpoint or <see cref="CausalLanguageModel.Initialize"/> fills them. The weight is
/// [outputs, inputs] whatever the file has.
/// </summary>
internal sealed class Projection : nn.Module<Tensor, Tensor>
{
    public Projection(long inputs, long outputs, bool hasBias, ScalarType dtype, bool storedTransposed = false)
        : base(nameof(Projection))
    {
        StoredTransposed = storedTransposed;
        weight = Weights.Uninitialised([outputs, inputs], dtype);
        if (hasBias)
        {
            bias = Weights.Uninitialised([outputs], dtype);
        }
    }

    /// <summary>The matrix, [outputs, inputs].</summary>
    public Parameter weight
    {
        get;

        // TorchSharp sets the parameter of another type or device here when the module moves: it takes the old one's place.
        private set
        {
            field?.Dispose();
            field = value;
            ConditionallyRegisterParameter(nameof(weight), value);
        }
    }

    /// <summary>[outputs], or null.</summary>
    public Parameter? bias
    {
        get;

        // TorchSharp sets the parameter of another type or device here when the module moves: it takes the old one's place.
        private set
        {
            field?.Dispose();
            field = value;
            ConditionallyRegisterParameter(nameof(bias), value);
        }
    }

    /// <summary>Whether its products take bfloat16 factors.</summary>
    public bool Bf16 { get; set; }

    /// <summary>Whether checkpoints hold the matrix as [inputs, outputs]: the Conv1D of GPT-2.</summary>
    public bool StoredTransposed { get; }

    /// <summary>The low-rank update of an adapter; null without one.</summary>
    public LoraLayer? Lora { get; private set; }

    /// <summary>Weight and bias from before an adapter changed them; null where none did.</summary>
    public Projection? Original { get; private set; }

    /// <summary>Whether to compute as if there were no adapter.</summary>
    public bool AdapterDisabled { get; set; }

    /// <param name="input">[…, inputs].</param>
    /// <returns>[…, outputs].</returns>
    public override Tensor forward(Tensor input)
    {
        if (AdapterDisabled && Original is not null)
        {
            return Original.forward(input);
        }

        var output = TransformerOps.Linear(input, weight, bias, Bf16);
        return AdapterDisabled || Lora is null or { Merged: true } ? output : output + Lora.Forward(input);
    }

    /// <summary>The matrix that <see cref="forward"/> amounts to, with the low-rank update in it: what fused weights are made of.</summary>
    /// <returns>[outputs, inputs]; the parameter itself where nothing is to be added.</returns>
    public Tensor EffectiveWeight() => AdapterDisabled ? Original?.weight ?? weight
        : Lora is null or { Merged: true } ? weight
        : weight + Lora.Delta();

    /// <summary>Adds or, with null, removes the low-rank update; its parameters are named <c>lora_A.weight</c> and <c>lora_B.weight</c>.</summary>
    public void SetLora(LoraLayer? lora)
    {
        register_module("lora_A", lora?.A!);
        register_module("lora_B", lora?.B!);
        Lora?.Dispose();
        Lora = lora;
    }

    /// <summary>Keeps a copy of weight and bias; its parameters are named <c>original_module.weight</c> and <c>original_module.bias</c>.</summary>
    public void KeepOriginal()
    {
        using var noGrad = no_grad();
        Original = new Projection(weight.shape[1], weight.shape[0], bias is not null, weight.dtype);
        Original.to(weight.device);
        Original.weight.copy_(weight);
        Original.weight.requires_grad_(false);
        if (bias is not null)
        {
            Original.bias!.copy_(bias);
            Original.bias.requires_grad_(false);
        }

        register_module("original_module", Original);
    }

    /// <summary>Forgets the copy, after writing it back if wanted.</summary>
    public void DropOriginal(bool restore)
    {
        if (Original is null)
        {
            return;
        }

        if (restore)
        {
            using var noGrad = no_grad();
            weight.copy_(Original.weight);
            bias?.copy_(Original.bias!);
        }

        register_module("original_module", null!);
        Original.Dispose();
        Original = null;
    }

    protected override void RegisterComponents()
    {
    }
}
