using static TorchSharp.torch;

namespace Rlhf.Modeling.Transformer;

// Legend: B batch, T tokens, N wanted places, D model; without a suffix [B, T, D] or [N, D]

/// <summary>One block: attention and a feed-forward block around a residual stream, in the order of the model's family.</summary>
internal sealed class DecoderLayer : nn.Module
{
    public DecoderLayer(TransformerConfig config, Architecture architecture, int layer)
        : base(nameof(DecoderLayer))
    {
        var names = architecture.Names;
        Attention = new SelfAttention(config, architecture, layer);
        FeedForward = new FeedForward(config, architecture);
        InputNorm = architecture.NewNorm(config.HiddenSize);
        PostAttentionNorm = architecture.SharedNorm ? null : architecture.NewNorm(config.HiddenSize);
        (ParallelResidual, NormAfter, ResidualFromNorm) = (architecture.ParallelResidual, architecture.NormAfter, architecture.ResidualFromNorm);

        register_module(names.Attention, Attention);
        if (names.FeedForward is { } feedForward)
        {
            register_module(feedForward, FeedForward);
        }
        else
        {
            foreach (var (name, module) in FeedForward.named_children())
            {
                register_module(name, module);
            }
        }

        register_module(names.InputNorm, InputNorm);
        if (PostAttentionNorm is not null)
        {
            register_module(names.PostAttentionNorm, PostAttentionNorm);
        }
    }

    public SelfAttention Attention { get; }

    public FeedForward FeedForward { get; }

    public Norm InputNorm { get; }

    /// <summary>The norm before the feed-forward block; null where it takes the same normalized input as attention (Phi).</summary>
    public Norm? PostAttentionNorm { get; }

    /// <summary>Attention and feed-forward block both read the block's input, and their results are added (Wang and Komatsuzaki 2021).</summary>
    public bool ParallelResidual { get; }

    /// <summary>The norms stand behind the additions, as in the original transformer (OPT-350m).</summary>
    public bool NormAfter { get; }

    /// <summary>The normalized stream is what attention and feed-forward are added to (BLOOM with apply_residual_connection_post_layernorm).</summary>
    public bool ResidualFromNorm { get; }

    /// <param name="x_BTD">The residual stream.</param>
    /// <param name="context">Positions, masks, and a cache if there is one.</param>
    /// <param name="places_N">
    /// Flat places whose results are wanted; null: all. Only attention looks at other places, so what comes after it is computed for these alone.
    /// </param>
    /// <returns>[B, T, D], or [N, D] at the places.</returns>
    public Tensor Forward(Tensor x_BTD, AttentionContext context, Tensor? places_N = null)
    {
        using var scope = NewDisposeScope();
        var y = NormAfter ? ForwardNormAfter(x_BTD, context, places_N)
            : ParallelResidual ? ForwardParallel(x_BTD, context, places_N)
            : ForwardSequential(x_BTD, context, places_N);
        return y.MoveToOuterDisposeScope();
    }

    protected override void RegisterComponents()
    {
    }

    private static Tensor Select(Tensor x_BTD, Tensor? places_N) => places_N is null ? x_BTD : TransformerOps.SelectPlaces(x_BTD, places_N);

    private Tensor ForwardSequential(Tensor x_BTD, AttentionContext context, Tensor? places_N)
    {
        var normed = InputNorm.forward(x_BTD);
        var y = Select(ResidualFromNorm ? normed : x_BTD, places_N) + Attention.Forward(normed, context, places_N);
        normed = PostAttentionNorm!.forward(y);
        return (ResidualFromNorm ? normed : y) + FeedForward.Forward(normed);
    }

    private Tensor ForwardParallel(Tensor x_BTD, AttentionContext context, Tensor? places_N)
    {
        var normed = InputNorm.forward(x_BTD);
        var attended = Attention.Forward(normed, context, places_N);
        var x = Select(x_BTD, places_N);
        return attended + FeedForward.Forward(PostAttentionNorm?.forward(x) ?? Select(normed, places_N)) + x;
    }

    private Tensor ForwardNormAfter(Tensor x_BTD, AttentionContext context, Tensor? places_N)
    {
        var y = InputNorm.forward(Select(x_BTD, places_N) + Attention.Forward(x_BTD, context, places_N));
        return PostAttentionNorm!.forward(y + FeedForward.Forward(y));
    }
}
