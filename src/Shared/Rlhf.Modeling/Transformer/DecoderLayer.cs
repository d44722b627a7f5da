using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Rlhf.Modeling.Transformer;

// Legend: B batch, T tokens, D model, K key/value heads, G query heads per key/value head, E elements of one head, I intermediate

/// <summary>One block: grouped-query attention with rotary positions, then a SwiGLU feed-forward, each on a normalized residual.</summary>
internal sealed class DecoderLayer : nn.Module
{
    public DecoderLayer(TransformerConfig config)
        : base(nameof(DecoderLayer))
    {
        Attention = new GroupedQueryAttention(config);
        FeedForward = new SwiGlu(config);
        InputNorm = new RmsNorm(config.HiddenSize, config.RmsNormEps);
        PostAttentionNorm = new RmsNorm(config.HiddenSize, config.RmsNormEps);
        register_module("self_attn", Attention);
        register_module("mlp", FeedForward);
        register_module("input_layernorm", InputNorm);
        register_module("post_attention_layernorm", PostAttentionNorm);
    }

    public GroupedQueryAttention Attention { get; }

    public SwiGlu FeedForward { get; }

    public RmsNorm InputNorm { get; }

    public RmsNorm PostAttentionNorm { get; }

    public Tensor Forward(Tensor x_BTD, AttentionContext context)
    {
        using var scope = NewDisposeScope();
        var afterAttention_BTD = x_BTD + Attention.Forward(InputNorm.forward(x_BTD), context);
        var y_BTD = afterAttention_BTD + FeedForward.Forward(PostAttentionNorm.forward(afterAttention_BTD));
        return y_BTD.MoveToOuterDisposeScope();
    }

    /// <summary>A linear layer with uninitialised weights: a checkpoint or <see cref="CausalLanguageModel.Initialize"/> fills them.</summary>
    public static Linear Projection(int inputs, int outputs, bool bias) => nn.Linear(
        new Parameter(empty([outputs, inputs], dtype: ScalarType.Float32)),
        bias ? new Parameter(empty([outputs], dtype: ScalarType.Float32)) : null);
}

/// <summary>Grouped-query attention (Ainslie et al. 2023): G query heads share one key/value head.</summary>
internal sealed class GroupedQueryAttention : nn.Module
{
    private readonly int _keyValueHeads;
    private readonly int _groups;
    private readonly int _headDim;

    public GroupedQueryAttention(TransformerConfig config)
        : base(nameof(GroupedQueryAttention))
    {
        _keyValueHeads = config.NumKeyValueHeads;
        _groups = config.NumAttentionHeads / config.NumKeyValueHeads;
        _headDim = config.HeadDim;
        var queryWidth = config.NumAttentionHeads * config.HeadDim;
        var keyWidth = config.NumKeyValueHeads * config.HeadDim;
        Query = DecoderLayer.Projection(config.HiddenSize, queryWidth, config.AttentionBias);
        Key = DecoderLayer.Projection(config.HiddenSize, keyWidth, config.AttentionBias);
        Value = DecoderLayer.Projection(config.HiddenSize, keyWidth, config.AttentionBias);
        Output = DecoderLayer.Projection(queryWidth, config.HiddenSize, config.AttentionBias);
        register_module("q_proj", Query);
        register_module("k_proj", Key);
        register_module("v_proj", Value);
        register_module("o_proj", Output);
    }

    public Linear Query { get; }

    public Linear Key { get; }

    public Linear Value { get; }

    public Linear Output { get; }

    public Tensor Forward(Tensor x_BTD, AttentionContext context)
    {
        var (batch, length) = (x_BTD.shape[0], x_BTD.shape[1]);
        var queries = context.Rotary.TurnQueries(Query.forward(x_BTD).view(batch, length, -1, _headDim));
        var keys = context.Rotary.TurnKeys(Key.forward(x_BTD).view(batch, length, _keyValueHeads, _headDim));
        var values = Value.forward(x_BTD).view(batch, length, _keyValueHeads, _headDim);
        var mixed = Attend(
            queries.view(batch, length, _keyValueHeads, _groups, _headDim), keys.transpose(1, 2), values.transpose(1, 2), context.Mask);
        return Output.forward(mixed.view(batch, length, -1));
    }

    /// <summary>
    /// softmax(q·kᵀ + mask)·v with the groups of a key/value head stacked along the query axis: nothing is repeated.
    /// </summary>
    /// <param name="queries_BTKGE">Turned and scaled queries.</param>
    /// <param name="keys_BKLE">Turned keys of all L visible places.</param>
    /// <param name="values_BKLE">Values of the same places.</param>
    /// <param name="mask">Additive; broadcasts to [B, K, G, T, L]; null: everything visible.</param>
    /// <returns>[B, T, K·G·E], contiguous.</returns>
    public static Tensor Attend(Tensor queries_BTKGE, Tensor keys_BKLE, Tensor values_BKLE, Tensor? mask)
    {
        var shape = queries_BTKGE.shape;
        var (batch, length, heads, groups, headDim) = (shape[0], shape[1], shape[2], shape[3], shape[4]);
        var stacked = queries_BTKGE.permute(0, 2, 3, 1, 4).reshape(batch, heads, groups * length, headDim);
        var scores = matmul(stacked, keys_BKLE.transpose(2, 3));
        if (mask is not null)
        {
            scores = (scores.view(batch, heads, groups, length, -1) + mask).view(scores.shape);
        }

        var mixed = matmul(Softmax(scores), values_BKLE);
        return mixed.view(batch, heads, groups, length, headDim).permute(0, 3, 1, 2, 4).reshape(batch, length, heads * groups * headDim);
    }

    /// <summary>In single precision whatever the weights are.</summary>
    private static Tensor Softmax(Tensor scores) => scores.dtype == ScalarType.Float32
        ? scores.softmax(-1)
        : scores.softmax(-1, ScalarType.Float32).to_type(scores.dtype);
}

/// <summary>The gated feed-forward block of Llama (Shazeer 2020): down(silu(gate(x)) · up(x)).</summary>
internal sealed class SwiGlu : nn.Module
{
    public SwiGlu(TransformerConfig config)
        : base(nameof(SwiGlu))
    {
        Gate = DecoderLayer.Projection(config.HiddenSize, config.IntermediateSize, config.MlpBias);
        Up = DecoderLayer.Projection(config.HiddenSize, config.IntermediateSize, config.MlpBias);
        Down = DecoderLayer.Projection(config.IntermediateSize, config.HiddenSize, config.MlpBias);
        register_module("gate_proj", Gate);
        register_module("up_proj", Up);
        register_module("down_proj", Down);
    }

    public Linear Gate { get; }

    public Linear Up { get; }

    public Linear Down { get; }

    public Tensor Forward(Tensor x_BTD) => Down.forward(F.silu(Gate.forward(x_BTD)) * Up.forward(x_BTD));
}
