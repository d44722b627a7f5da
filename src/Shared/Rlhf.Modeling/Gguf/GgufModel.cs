using Rlhf.Modeling.Transformer;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Gguf;

// Legend: H heads, E elements of one head, R turned elements of a head

/// <summary>
/// The tensors of a model under the names and in the order of rows that llama.cpp has them: TENSOR_NAMES of gguf-py, and the
/// modify_tensors of its converter.
/// </summary>
internal sealed class GgufModel
{
    private readonly CausalLanguageModel _model;
    private readonly GgufType _type;
    private readonly List<GgufTensor> _tensors = [];

    private GgufModel(CausalLanguageModel model, GgufType type) => (_model, _type) = (model, type);

    /// <summary>Every tensor, none of them made yet.</summary>
    /// <param name="model">A model whose config <see cref="GgufArchitecture"/> finds no fault with.</param>
    /// <param name="type">The type of matrices.</param>
    public static IReadOnlyList<GgufTensor> Tensors(CausalLanguageModel model, GgufType type)
    {
        var tensors = new GgufModel(model, type);
        tensors.AddStack(model.Body);
        return tensors._tensors;
    }

    /// <summary>The type of one matrix: rows that are no whole blocks are stored in half precision, as llama.cpp's converter does it.</summary>
    public static GgufType TypeOf(GgufType type, long[] shape) => type == GgufType.Q8_0 && shape[^1] % Q8Blocks.Elements != 0 ? GgufType.F16 : type;

    private void AddStack(DecoderStack body)
    {
        if (_model.Config.RopeScaling?.RopeType == "llama3")
        {
            AddRotaryFactors();
        }

        AddMatrix("token_embd.weight", body.TokenEmbedding.weight!.shape, () => body.TokenEmbedding.weight!);
        if (body.PositionEmbedding is { } positions)
        {
            // Single precision, as in llama.cpp's converter.
            Add("position_embd.weight", GgufType.F32, positions.weight!.shape, () => positions.weight!);
        }

        AddNorm("token_embd_norm", body.EmbeddingNorm);
        for (var i = 0; i < body.Layers.Length; i++)
        {
            AddLayer($"blk.{i}", body.Layers[i]);
        }

        AddNorm("output_norm", body.FinalNorm);
        if (_model.Head is { } head)
        {
            AddProjection("output", head);
        }
        else if (_model.Config.ModelType == "gpt_neox")
        {
            // The only architecture here whose loader does not take the embeddings where the output matrix is missing.
            AddMatrix("output.weight", body.TokenEmbedding.weight!.shape, () => body.TokenEmbedding.weight!);
        }
    }

    private void AddLayer(string block, DecoderLayer layer)
    {
        var attention = layer.Attention;
        AddNorm($"{block}.attn_norm", layer.InputNorm);
        if (attention.Fused is { } fused)
        {
            AddFused($"{block}.attn_qkv", fused, attention);
        }
        else
        {
            AddTurned($"{block}.attn_q", attention.Query!, attention.Heads);
            AddTurned($"{block}.attn_k", attention.Key!, attention.KeyValueHeads);
            AddProjection($"{block}.attn_v", attention.Value!);
        }

        AddNorm($"{block}.attn_q_norm", attention.QueryNorm);
        AddNorm($"{block}.attn_k_norm", attention.KeyNorm);
        AddProjection($"{block}.attn_output", attention.Output);
        if (attention is { Fused: not null, Output.bias: null })
        {
            AddZeros($"{block}.attn_output.bias", _model.Config.HiddenSize);
        }

        AddNorm($"{block}.ffn_norm", layer.PostAttentionNorm);
        if (layer.FeedForward.Gate is { } gate)
        {
            AddProjection($"{block}.ffn_gate", gate);
        }

        AddProjection($"{block}.ffn_up", layer.FeedForward.Up);
        AddProjection($"{block}.ffn_down", layer.FeedForward.Down);
    }

    /// <summary>A projection, with the update of an adapter where one is attached.</summary>
    private void AddProjection(string name, Projection projection, Func<Tensor, Tensor>? arrange = null)
    {
        var bias = projection.bias;
        AddMatrix($"{name}.weight", projection.weight.shape, () => Arranged(projection.EffectiveWeight()));
        if (bias is not null)
        {
            Add($"{name}.bias", GgufType.F32, bias.shape, () => Arranged(bias));
        }

        Tensor Arranged(Tensor rows) => arrange is null ? rows : arrange(rows).reshape(rows.shape);
    }

    private void AddNorm(string name, Norm? norm)
    {
        AddVector($"{name}.weight", norm?.weight);
        AddVector($"{name}.bias", norm?.bias);
    }

    private void AddVector(string name, Parameter? vector)
    {
        if (vector is not null)
        {
            Add(name, GgufType.F32, vector.shape, () => vector);
        }
    }

    private void AddMatrix(string name, long[] shape, Func<Tensor> values) => Add(name, TypeOf(_type, shape), shape, values);

    private void Add(string name, GgufType type, long[] shape, Func<Tensor> values) => _tensors.Add(new GgufTensor(name, type, shape, values));

    private void AddZeros(string name, int width) => Add(name, GgufType.F32, [width], () => zeros(width));

    /// <summary>q or k: element i of a head's halves becomes neighbours 2i and 2i + 1 where llama.cpp turns those together.</summary>
    private void AddTurned(string name, Projection projection, int heads) => AddProjection(
        name,
        projection,
        GgufArchitecture.TurnsNeighbours(_model.Config)
            ? rows => rows.view([heads, 2, rows.shape[0] / heads / 2, .. rows.shape[1..]]).transpose(1, 2)
            : null);

    /// <summary>q, k and v in one matrix: llama.cpp has all of q, then all of k, then all of v.</summary>
    private void AddFused(string name, Projection fused, SelfAttention attention)
    {
        AddProjection(
            name,
            fused,
            attention.FusedLayout == FusedLayout.PerHead
                ? rows => rows.view([attention.Heads, 3, attention.HeadDim, .. rows.shape[1..]]).transpose(0, 1)
                : null);
        if (fused.bias is null)
        {
            // GPT-NeoX without attention_bias: llama.cpp wants the vector.
            AddZeros($"{name}.bias", (int)fused.weight.shape[0]);
        }
    }

    /// <summary>How many times slower than without scaling each pair turns.</summary>
    private void AddRotaryFactors()
    {
        var config = _model.Config;
        var (plain, _) = RotaryFrequencies.Compute(config with { RopeScaling = null }, 0);
        var (scaled, _) = RotaryFrequencies.Compute(config, 0);
        var factors = plain.Zip(scaled, (before, after) => before / after).ToArray();
        Add("rope_freqs.weight", GgufType.F32, [factors.Length], () => tensor(factors));
    }
}
