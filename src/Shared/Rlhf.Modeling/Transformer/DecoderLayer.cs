using static TorchSharp.torch;

namespace Rlhf.Modeling.Transformer;

// Legend: B batch, T tokens, D model

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

    public Tensor Forward(Tensor x_BTD, AttentionContext context)
    {
        using var scope = NewDisposeScope();
        var y_BTD = NormAfter ? ForwardNormAfter(x_BTD, context)
            : ParallelResidual ? ForwardParallel(x_BTD, context)
            : ForwardSequential(x_BTD, context);
        return y_BTD.MoveToOuterDisposeScope();
    }

    protected override void RegisterComponents()
    {
    }

    private Tensor ForwardSequential(Tensor x_BTD, AttentionContext context)
    {
        var normed_BTD = InputNorm.forward(x_BTD);
        var y_BTD = (ResidualFromNorm ? normed_BTD : x_BTD) + Attention.Forward(normed_BTD, context);
        normed_BTD = PostAttentionNorm!.forward(y_BTD);
        return (ResidualFromNorm ? normed_BTD : y_BTD) + FeedForward.Forward(normed_BTD);
    }

    private Tensor ForwardParallel(Tensor x_BTD, AttentionContext context)
    {
        var normed_BTD = InputNorm.forward(x_BTD);
        var attended_BTD = Attention.Forward(normed_BTD, context);
        return attended_BTD + FeedForward.Forward(PostAttentionNorm?.forward(x_BTD) ?? normed_BTD) + x_BTD;
    }

    private Tensor ForwardNormAfter(Tensor x_BTD, AttentionContext context)
    {
        var y_BTD = InputNorm.forward(x_BTD + Attention.Forward(x_BTD, context));
        return PostAttentionNorm!.forward(y_BTD + FeedForward.Forward(y_BTD));
    }
}
