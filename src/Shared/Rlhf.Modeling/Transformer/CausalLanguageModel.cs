using Rlhf.Numerics;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Transformer;

// Legend: B batch, T tokens, D model, V vocabulary

/// <summary>
/// A Llama-style decoder-only language model (Touvron et al. 2023). Parameters have the names of Hugging Face's LlamaForCausalLM;
/// a tied output matrix appears once, as <c>model.embed_tokens.weight</c>.
/// </summary>
public sealed class CausalLanguageModel : nn.Module
{
    private readonly Linear? _head;

    /// <summary>A model whose weights are uninitialised: load a checkpoint or call <see cref="Initialize"/>.</summary>
    /// <param name="config">The shape.</param>
    /// <exception cref="ArgumentException">If the config is illegal; all faults are listed.</exception>
    public CausalLanguageModel(TransformerConfig config)
        : base(nameof(CausalLanguageModel))
    {
        ArgumentNullException.ThrowIfNull(config);
        Config = config;
        Body = new DecoderStack(config);
        register_module("model", Body);
        if (!config.TieWordEmbeddings)
        {
            _head = DecoderLayer.Projection(config.HiddenSize, config.VocabSize, bias: false);
            register_module("lm_head", _head);
        }
    }

    /// <summary>The shape of the model.</summary>
    public TransformerConfig Config { get; }

    internal DecoderStack Body { get; }

    /// <summary>The output matrix, [V, D].</summary>
    internal Parameter OutputWeight => _head?.weight ?? Body.Embedding.weight;

    /// <summary>Draws the weights: matrices normal(0, initializer_range), norms 1, biases 0.</summary>
    /// <param name="random">Source of the numbers; parameters are filled in checkpoint order.</param>
    public void Initialize(Philox random)
    {
        ArgumentNullException.ThrowIfNull(random);
        using var noGrad = no_grad();
        foreach (var (name, parameter) in named_parameters())
        {
            if (name.EndsWith("norm.weight", StringComparison.Ordinal))
            {
                parameter.fill_(1f);
            }
            else if (name.EndsWith(".bias", StringComparison.Ordinal))
            {
                parameter.zero_();
            }
            else
            {
                Weights.FillNormal(parameter, random, Config.InitializerRange);
            }
        }
    }

    /// <summary>The hidden states after the final norm.</summary>
    /// <param name="inputIds_BT">Token ids, int64 [B, T].</param>
    /// <param name="attentionMask_BT">int64 [B, T], 1 for real tokens and 0 for padding on either side; null: all real.</param>
    /// <param name="positionIds_BT">int64 [B, T]; null: counted over real tokens from 0, and 1 on padding.</param>
    /// <returns>[B, T, D]; meaningless at padding, but never NaN there.</returns>
    public Tensor Hidden(Tensor inputIds_BT, Tensor? attentionMask_BT = null, Tensor? positionIds_BT = null) =>
        Body.Forward(inputIds_BT, attentionMask_BT, positionIds_BT);

    /// <summary>Scores over the vocabulary before softmax.</summary>
    /// <param name="hidden">[…, D]: select the rows that are needed first, this is the most expensive matrix.</param>
    /// <returns>[…, V].</returns>
    public Tensor Logits(Tensor hidden) => nn.functional.linear(hidden, OutputWeight);

    /// <summary>Logits at every place.</summary>
    /// <param name="inputIds_BT">Token ids, int64 [B, T].</param>
    /// <param name="attentionMask_BT">int64 [B, T], 1 for real tokens; null: all real.</param>
    /// <returns>[B, T, V].</returns>
    public Tensor forward(Tensor inputIds_BT, Tensor? attentionMask_BT = null)
    {
        using var hidden_BTD = Hidden(inputIds_BT, attentionMask_BT);
        return Logits(hidden_BTD);
    }

    /// <summary>An independent model with the same weights, on the same device.</summary>
    public CausalLanguageModel Clone()
    {
        var clone = new CausalLanguageModel(Config);
        clone.to(OutputWeight.device, OutputWeight.dtype);
        Weights.Copy(this, clone);
        return clone;
    }
}
