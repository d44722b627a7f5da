using Rlhf.Modeling.Transformer;
using Rlhf.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Heads;

// Legend: B batch, T tokens, N wanted places, D width of the embeddings

/// <summary>
/// A transformer with one number per token: a reward model (read at the last token) or a critic (read at every token).
/// Parameters have the names of the family's …ForSequenceClassification in Hugging Face's transformers with one label: those of the
/// body, and <c>score.weight</c> [1, D].
/// </summary>
public sealed class ScalarHeadModel : nn.Module
{
    private readonly DecoderStack _body;
    private readonly Projection _score;

    /// <summary>A model whose weights are uninitialised: load a checkpoint or use <see cref="FromCausal"/>.</summary>
    /// <param name="config">The shape of the body.</param>
    /// <param name="dtype">The type of the weights.</param>
    /// <exception cref="ArgumentException">If the config is illegal; all faults are listed.</exception>
    public ScalarHeadModel(TransformerConfig config, ScalarType dtype = ScalarType.Float32)
        : base(nameof(ScalarHeadModel))
    {
        ArgumentNullException.ThrowIfNull(config);
        Config = config;
        _body = new DecoderStack(config, dtype);
        _score = new Projection(config.EmbeddingWidth, 1, hasBias: false, dtype);
        ModuleGroup.Register(register_module, config.Architecture.Names.Body, _body);
        register_module("score", _score);
    }

    /// <summary>The shape of the body.</summary>
    public TransformerConfig Config { get; }

    /// <summary>Mixed precision in the body, as with <see cref="CausalLanguageModel.Bf16"/>; the score itself is single precision. Default false.</summary>
    public bool Bf16
    {
        get;
        set
        {
            field = value;
            Weights.SetBf16(_body, value);
        }
    }

    /// <summary>
    /// Gradient checkpointing (Chen et al. 2016): a block's activations are computed again in the backward pass instead of being held, for about
    /// a third more work. Gradients stay the same. Default false.
    /// </summary>
    public bool GradientCheckpointing
    {
        get => _body.GradientCheckpointing;
        set => _body.GradientCheckpointing = value;
    }

    /// <summary>
    /// Subtracted from every score, so that scores have mean 0 on a reference set (Stiennon et al. 2020: the demonstrations).
    /// Kept in config.json as <c>score_bias</c>.
    /// </summary>
    public double ScoreBias { get; set; }

    /// <summary>
    /// A copy of a language model's body under a new head drawn from normal(0, 1/√(D + 1)) (Ziegler et al. 2019), without bias.
    /// </summary>
    /// <param name="lm">The language model; stays untouched.</param>
    /// <param name="headInit">Source of the head's weights.</param>
    public static ScalarHeadModel FromCausal(CausalLanguageModel lm, Philox headInit)
    {
        ArgumentNullException.ThrowIfNull(lm);
        ArgumentNullException.ThrowIfNull(headInit);
        var model = new ScalarHeadModel(lm.Config, lm.OutputWeight.dtype);
        model.to(lm.OutputWeight.device);
        Weights.Copy(lm.Body, model._body);
        Weights.FillNormal(model._score.weight, headInit, 1 / Math.Sqrt(lm.Config.EmbeddingWidth + 1));
        return model;
    }

    /// <summary>One value per token; <see cref="ScoreBias"/> plays no part.</summary>
    /// <param name="inputIds_BT">Token ids, int64 [B, T].</param>
    /// <param name="attentionMask_BT">int64 [B, T], 1 for real tokens; null: all real.</param>
    /// <param name="places_N">Places in the flattened [B · T] whose values are wanted, int64; null: all.</param>
    /// <returns>[B, T], or [N] at the places; meaningless at padding.</returns>
    public Tensor Values(Tensor inputIds_BT, Tensor? attentionMask_BT, Tensor? places_N = null)
    {
        using var scope = NewDisposeScope();
        return _score.forward(_body.Forward(inputIds_BT, attentionMask_BT, places_N: places_N)).squeeze(-1).MoveToOuterDisposeScope();
    }

    /// <summary>One score per text: the value at its last real token minus <see cref="ScoreBias"/>.</summary>
    /// <param name="inputIds_BT">Token ids, int64 [B, T].</param>
    /// <param name="attentionMask_BT">int64 [B, T], 1 for real tokens and 0 for padding on either side.</param>
    /// <returns>[B].</returns>
    public Tensor Scores(Tensor inputIds_BT, Tensor attentionMask_BT)
    {
        ArgumentNullException.ThrowIfNull(attentionMask_BT);
        using var scope = NewDisposeScope();
        var (batch, length) = (inputIds_BT.shape[0], inputIds_BT.shape[1]);
        var places_T = arange(1, length + 1, dtype: ScalarType.Int64, device: inputIds_BT.device);
        var last_B = (attentionMask_BT * places_T).argmax(1) + (arange(batch, dtype: ScalarType.Int64, device: inputIds_BT.device) * length);
        return (Values(inputIds_BT, attentionMask_BT, last_B) - ScoreBias).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    protected override void RegisterComponents()
    {
    }
}
