using Rlhf.Numerics;
using Rlhf.Torch.Extensions.Kernels;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Transformer;

// Legend: B batch, T tokens, N wanted places, D width of the embeddings, V vocabulary

/// <summary>
/// A decoder-only language model of one of <see cref="TransformerConfig.SupportedModelTypes"/>. Parameters have the names of the
/// family's class in Hugging Face's transformers; a tied output matrix appears once, under the embedding's name. Matrices are
/// [outputs, inputs] in memory also where files have them the other way round (GPT-2).
/// </summary>
public sealed class CausalLanguageModel : nn.Module
{
    private readonly Projection? _head;

    /// <summary>A model whose weights are uninitialised: load a checkpoint or call <see cref="Initialize"/>.</summary>
    /// <param name="config">The shape.</param>
    /// <param name="dtype">The type of the weights.</param>
    /// <exception cref="ArgumentException">If the config is illegal; all faults are listed.</exception>
    public CausalLanguageModel(TransformerConfig config, ScalarType dtype = ScalarType.Float32)
        : base(nameof(CausalLanguageModel))
    {
        ArgumentNullException.ThrowIfNull(config);
        Config = config;
        Body = new DecoderStack(config, dtype);
        var architecture = config.Architecture;
        ModuleGroup.Register(register_module, architecture.Names.Body, Body);
        if (!config.TieWordEmbeddings)
        {
            _head = new Projection(config.EmbeddingWidth, config.VocabSize, architecture.HeadBias, dtype);
            register_module(architecture.Names.Head, _head);
        }
    }

    /// <summary>The shape of the model.</summary>
    public TransformerConfig Config { get; }

    /// <summary>
    /// Mixed precision: matrix products take bfloat16 factors while weights, sums, norms, softmax and log-probabilities stay single
    /// precision (the <c>bf16</c> of TRL's configurations). Default false. It pays where the hardware multiplies bfloat16 faster.
    /// </summary>
    public bool Bf16
    {
        get;
        set
        {
            field = value;
            Weights.SetBf16(this, value);
        }
    }

    /// <summary>
    /// Gradient checkpointing (Chen et al. 2016): a block's activations are computed again in the backward pass instead of being held, for about
    /// a third more work. Gradients stay the same. Default false.
    /// </summary>
    public bool GradientCheckpointing
    {
        get => Body.GradientCheckpointing;
        set => Body.GradientCheckpointing = value;
    }

    internal DecoderStack Body { get; }

    /// <summary>The separate output matrix; null where it is the embedding matrix.</summary>
    internal Projection? Head => _head;

    /// <summary>The output matrix, [V, D].</summary>
    internal Parameter OutputWeight => _head?.weight ?? Body.TokenEmbedding.weight!;

    /// <summary>
    /// Draws the weights: matrices normal(0, initializer_range), norms 1, biases 0; GPT-2's matrices that write to the residual stream
    /// normal(0, initializer_range / √(2 · n_layer)).
    /// </summary>
    /// <param name="random">Source of the numbers; parameters are filled in the order of <c>named_parameters</c>.</param>
    public void Initialize(Philox random)
    {
        ArgumentNullException.ThrowIfNull(random);
        var exceptions = new Dictionary<Parameter, double>(ReferenceEqualityComparer.Instance);
        if (Config.Architecture.ResidualInitializerRange is { } range)
        {
            foreach (var layer in Body.Layers)
            {
                exceptions[layer.Attention.Output.weight] = exceptions[layer.FeedForward.Down.weight] = range;
            }
        }

        Weights.Initialize(this, random, Config.InitializerRange, exceptions);
    }

    /// <summary>The hidden states after the final norm.</summary>
    /// <param name="inputIds_BT">Token ids, int64 [B, T].</param>
    /// <param name="attentionMask_BT">int64 [B, T], 1 for real tokens and 0 for padding on either side; null: all real.</param>
    /// <param name="positionIds_BT">
    /// int64 [B, T]; null: counted over real tokens, from 0 in every document, and 1 on padding. Without a mask and
    /// <paramref name="sequenceIds_BT"/>, a 0 inside a row begins a new document, as with packed rows in transformers.
    /// </param>
    /// <param name="sequenceIds_BT">
    /// For rows of several documents (packing): int64 [B, T], equal positive numbers beside each other are one document, 0 is padding.
    /// Tokens see only those of their own document. Null: every row is one document.
    /// </param>
    /// <param name="embeddingNoise_BTW">Added to the token embeddings before anything else, [B, T, width of the embeddings] (NEFTune); null: nothing.</param>
    /// <param name="places_N">
    /// Places in the flattened [B · T] whose states are wanted, int64: the last block computes only these behind its attention. Null: all.
    /// </param>
    /// <returns>[B, T, D], or [N, D] at the places; meaningless at padding, but never NaN there.</returns>
    /// <exception cref="ArgumentException">If shapes disagree, positions are out of range, or a document lies in two pieces.</exception>
    public Tensor Hidden(
        Tensor inputIds_BT,
        Tensor? attentionMask_BT = null,
        Tensor? positionIds_BT = null,
        Tensor? sequenceIds_BT = null,
        Tensor? embeddingNoise_BTW = null,
        Tensor? places_N = null) =>
        Body.Forward(inputIds_BT, attentionMask_BT, positionIds_BT, sequenceIds_BT, embeddingNoise_BTW: embeddingNoise_BTW, places_N: places_N);

    /// <summary>The embeddings, the result of every block but the last, and the hidden states after the final norm.</summary>
    /// <param name="inputIds_BT">As in <see cref="Hidden"/>.</param>
    /// <param name="attentionMask_BT">As in <see cref="Hidden"/>.</param>
    /// <param name="positionIds_BT">As in <see cref="Hidden"/>.</param>
    /// <param name="sequenceIds_BT">As in <see cref="Hidden"/>.</param>
    /// <returns>num_hidden_layers + 1 tensors [B, T, hidden_size]; the last one is [B, T, D].</returns>
    public IReadOnlyList<Tensor> HiddenStates(
        Tensor inputIds_BT, Tensor? attentionMask_BT = null, Tensor? positionIds_BT = null, Tensor? sequenceIds_BT = null)
    {
        var states = new List<Tensor>();
        Body.Forward(inputIds_BT, attentionMask_BT, positionIds_BT, sequenceIds_BT, states);
        return states;
    }

    /// <summary>Scores over the vocabulary before softmax.</summary>
    /// <param name="hidden">[…, D]: select the rows that are needed first, this is the most expensive matrix.</param>
    /// <returns>[…, V].</returns>
    public Tensor Logits(Tensor hidden) => _head?.forward(hidden) ?? TransformerOps.Linear(hidden, OutputWeight, bias: null, Bf16);

    /// <summary>
    /// Log-probabilities of given tokens. On the CPU in single precision the logits are never held beside their softmax, and beyond
    /// half a gigabyte they are computed again in the backward pass instead of being held.
    /// </summary>
    /// <param name="hidden_ND">Hidden states of the places before the tokens: only those that are needed.</param>
    /// <param name="tokens_N">int64.</param>
    /// <param name="temperature">Divides the logits.</param>
    /// <param name="entropy">Whether the entropies are wanted too.</param>
    /// <returns>[N] in nats, and the distributions' entropies [N] (without gradient) or null.</returns>
    public (Tensor Logprobs_N, Tensor? Entropies_N) Logprobs(Tensor hidden_ND, Tensor tokens_N, double temperature = 1, bool entropy = false)
    {
        ArgumentNullException.ThrowIfNull(hidden_ND);
        if (CpuKernels.Take(hidden_ND, OutputWeight) && _head is null or { Lora: null, Original: null })
        {
            return FusedFunctions.Logprobs(hidden_ND, OutputWeight, _head?.bias, tokens_N, 1 / temperature, entropy, bf16: Bf16);
        }

        var logits_NV = Logits(hidden_ND).to_type(ScalarType.Float32);
        logits_NV = temperature == 1 ? logits_NV : logits_NV / temperature;
        return (TokenLogprobs.Select(logits_NV, tokens_N), entropy ? TokenLogprobs.Entropy(logits_NV.detach()) : null);
    }

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
        var clone = new CausalLanguageModel(Config, OutputWeight.dtype) { Bf16 = Bf16 };
        clone.to(OutputWeight.device);
        Weights.Copy(this, clone);
        return clone;
    }

    /// <inheritdoc/>
    protected override void RegisterComponents()
    {
    }
}
