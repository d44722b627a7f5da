using System.Runtime.InteropServices;
using Rlhf.Modeling.Transformer;
using Rlhf.Torch.Extensions.Kernels;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Generation;

// Legend: R rows, D model, W width of the embeddings, Q query heads times elements, S key/value heads times elements, I inner width of the
// feed-forward block, V vocabulary

/// <summary>One pass of a model as a list of kernel operators over buffers of its own and weights where they are.</summary>
internal sealed unsafe class KernelProgram : IDisposable
{
    private readonly CausalLanguageModel _model;
    private readonly KernelCache _cache;
    private readonly QuantizedWeights? _quantized;
    private readonly List<Tensor> _owned = [];
    private readonly Dictionary<Projection, Matrix> _matrices = new(ReferenceEqualityComparer.Instance);
    private readonly List<KernelOperator> _body = [];
    private readonly List<KernelOperator> _head = [];
    private readonly int _maxRows;
    private readonly int[] _tokens;
    private readonly int[] _positions;
    private readonly int[] _slots;
    private readonly Buffer _stream_RD;
    private readonly Buffer _kept_RD;
    private List<KernelOperator> _target;

    /// <summary>Writes the program down.</summary>
    /// <param name="model">The model; it must stay where it is in memory.</param>
    /// <param name="cache">Its keys and values.</param>
    /// <param name="maxRows">The most rows of one pass.</param>
    /// <param name="maxLength">The most places of one text.</param>
    /// <param name="quantized">8-bit matrices instead of the model's; null: none.</param>
    public KernelProgram(CausalLanguageModel model, KernelCache cache, int maxRows, int maxLength, QuantizedWeights? quantized)
    {
        (_model, _cache, _maxRows, _quantized) = (model, cache, maxRows, quantized);
        (_tokens, _positions, _slots) = (new int[maxRows], new int[maxRows], new int[maxRows]);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var (body, config) = (model.Body, model.Config);
        _stream_RD = NewBuffer(config.HiddenSize);
        _kept_RD = NewBuffer(config.HiddenSize);
        _target = _body;
        Embed();
        var work = new Work(
            NewBuffer(config.HiddenSize),
            NewBuffer(config.HiddenSize),
            NewBuffer(config.NumAttentionHeads * config.HeadDim),
            NewBuffer((config.NumAttentionHeads + (2 * config.NumKeyValueHeads)) * config.HeadDim),
            NewBuffer(config.IntermediateSize),
            NewBuffer(config.IntermediateSize));
        var rotary = body.Rotary?.HalfTables(maxLength, CPU);
        var tables = new Tables(Keep(rotary?.Cos), Keep(rotary?.Sin), Keep(body.AlibiSlopes is null ? null : tensor(body.AlibiSlopes)));
        for (var layer = 0; layer < body.Layers.Length; layer++)
        {
            Layer(body.Layers[layer], layer, work, tables);
        }

        _target = _head;
        Head(work);
    }

    /// <summary>Runs all layers.</summary>
    /// <param name="rows">At most the number the program was made for.</param>
    /// <param name="row">Token, position and slot of a row; a slot's positions come in order.</param>
    public void RunBody(int rows, Func<int, (int Token, int Position, int Slot)> row)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(rows, _maxRows);
        for (var i = 0; i < rows; i++)
        {
            (_tokens[i], _positions[i], _slots[i]) = row(i);
            _cache.Prepare(_slots[i], _positions[i]);
        }

        Run(CollectionsMarshal.AsSpan(_body), rows);
    }

    /// <summary>Keeps a row of the last <see cref="RunBody"/> for <see cref="RunHead"/>.</summary>
    public void KeepForHead(int row, int target)
    {
        var width = _model.Config.HiddenSize;
        new ReadOnlySpan<float>(_stream_RD.Data + ((long)row * width), width).CopyTo(new Span<float>(_kept_RD.Data + ((long)target * width), width));
    }

    /// <summary>The logits of the kept rows.</summary>
    /// <param name="rows">How many were kept.</param>
    /// <param name="logits_RV">Receives them.</param>
    public void RunHead(int rows, float* logits_RV)
    {
        var head = CollectionsMarshal.AsSpan(_head);
        head[^1].Y = logits_RV;
        Run(head, rows);
    }

    public void Dispose() => _owned.ForEach(tensor => tensor.Dispose());

    private void Run(ReadOnlySpan<KernelOperator> operators, int rows)
    {
        fixed (int* tokens = _tokens, positions = _positions, slots = _slots, blocks = _cache.Table)
        {
            CpuKernels.Run(operators, new KernelBatch
            {
                Rows = rows,
                Tokens = tokens,
                Positions = positions,
                Slots = slots,
                Blocks = blocks,
                BlocksStride = _cache.BlocksPerSlot,
            });
        }

        GC.KeepAlive(_model);
        GC.KeepAlive(_quantized);
    }

    private void Embed()
    {
        var body = _model.Body;
        var table = body.TokenEmbedding.weight;
        var positions = body.PositionEmbedding?.weight;
        if (body.ProjectIn is null)
        {
            Embed(_stream_RD, table, positions);
            if (body.EmbeddingNorm is { } norm)
            {
                Normalize(norm, _stream_RD, _stream_RD);
            }

            return;
        }

        // The sum of two matrices' rows: the positions first, then the projected token on top.
        var narrow_RW = NewBuffer(_model.Config.EmbeddingWidth);
        Embed(narrow_RW, table, positions: null, ShadowFor(narrow_RW, MatrixOf(body.ProjectIn)));
        var hasPositions = positions is not null;
        if (hasPositions)
        {
            Embed(_stream_RD, table: null, positions);
        }

        Multiply(MatrixOf(body.ProjectIn), narrow_RW, _stream_RD, flags: hasPositions ? KernelFlags.Accumulate : KernelFlags.None);
    }

    private void Layer(DecoderLayer layer, int index, Work work, Tables tables)
    {
        // What the two halves of the block read: the normalized stream, or the stream itself where the norm stands elsewhere.
        var inPlace = layer.NormAfter || layer.ResidualFromNorm;
        var first_RD = inPlace ? _stream_RD : work.Normed_RD;
        var second_RD = inPlace ? _stream_RD : layer.PostAttentionNorm is null ? first_RD : layer.ParallelResidual ? work.Second_RD : first_RD;
        var feedsAttention = MatrixOf(layer.Attention.Fused ?? layer.Attention.Query!);
        var feedsInner = MatrixOf(layer.FeedForward.Up);
        if (!layer.NormAfter)
        {
            Normalize(layer.InputNorm, _stream_RD, first_RD, feedsAttention);
        }
        else if (index == 0)
        {
            MakeShadow(_stream_RD, feedsAttention);
        }

        if (layer.ParallelResidual && layer.PostAttentionNorm is { } parallelNorm)
        {
            // Before attention adds to the stream.
            Normalize(parallelNorm, _stream_RD, second_RD, feedsInner);
        }

        Attend(layer.Attention, index, first_RD, work, tables);
        if (layer.NormAfter)
        {
            Normalize(layer.InputNorm, _stream_RD, _stream_RD, feedsInner);
        }
        else if (!layer.ParallelResidual)
        {
            Normalize(layer.PostAttentionNorm!, _stream_RD, second_RD, feedsInner);
        }

        Feed(layer.FeedForward, second_RD, work);
        if (layer.NormAfter)
        {
            Normalize(layer.PostAttentionNorm!, _stream_RD, _stream_RD, feedsAttention);
        }
    }

    private void Attend(SelfAttention attention, int index, Buffer input_RD, Work work, Tables tables)
    {
        var (heads, keyHeads, headDim) = (attention.Heads, attention.KeyValueHeads, attention.HeadDim);
        float* q = work.Qkv.Data, k = q, v = q;
        long queryStride, keyStride, step = headDim;
        if (attention.Fused is { } fused)
        {
            Multiply(MatrixOf(fused), input_RD, work.Qkv);
            queryStride = keyStride = work.Qkv.Width;
            var perHead = attention.FusedLayout == FusedLayout.PerHead;
            step = perHead ? 3 * headDim : headDim;
            k += perHead ? headDim : heads * headDim;
            v += perHead ? 2 * headDim : 2 * heads * headDim;
        }
        else
        {
            queryStride = heads * headDim;
            keyStride = keyHeads * headDim;
            k += _maxRows * queryStride;
            v = k + (_maxRows * keyStride);
            Multiply(MatrixOf(attention.Query!), input_RD, new Buffer(q, queryStride), flags: KernelFlags.NoBarrier);
            Multiply(MatrixOf(attention.Key!), input_RD, new Buffer(k, keyStride), flags: KernelFlags.NoBarrier);
            Multiply(MatrixOf(attention.Value!), input_RD, new Buffer(v, keyStride));
        }

        var mixed = work.Mixed_RQ;
        var op = new KernelOperator
        {
            Kind = KernelKind.Rotate,
            Q = q,
            K = k,
            V = v,
            QStride = queryStride,
            KStride = keyStride,
            VStride = keyStride,
            QStep = step,
            KStep = step,
            VStep = step,
            Heads = heads,
            KeyValueHeads = keyHeads,
            HeadDim = headDim,
            RotaryDim = attention.RotaryDim,
            Cos = tables.Cos,
            Sin = tables.Sin,
            QNorm = Floats(attention.QueryNorm?.weight),
            KNorm = Floats(attention.KeyNorm?.weight),
            Epsilon = (float)(attention.QueryNorm?.Epsilon ?? 0),
            KCache = _cache.Keys(index),
            VCache = _cache.Values(index),
            CacheType = (long)_cache.Type,
            Window = attention.SlidingWindow ?? 0,
            Slopes = tables.Slopes,
            Scale = attention.Scale,
            Width = mixed.Width,
            Y = mixed.Data,
        };
        _target.Add(op);

        // A head's share of the 8-bit copy must be whole blocks; otherwise the copy is made by an operator of its own.
        var output = MatrixOf(attention.Output);
        var ownShadow = output.Quantized is not null && heads / keyHeads * headDim % 32 != 0;
        mixed.Shadow = ShadowFor(mixed, output);
        _target.Add(op with { Kind = KernelKind.Attention, YShadow = ownShadow ? default : mixed.Shadow });
        if (ownShadow)
        {
            MakeShadow(mixed, output);
        }

        Multiply(output, mixed, _stream_RD, flags: KernelFlags.Accumulate);
    }

    private void Feed(FeedForward feedForward, Buffer input_RD, Work work)
    {
        var inner = work.Inner_RI;
        inner.Shadow = ShadowFor(inner, MatrixOf(feedForward.Down));
        var activation = feedForward.Activation.ToKernel();
        if (feedForward.Gate is { } gate)
        {
            Multiply(MatrixOf(gate), input_RD, new Buffer(inner.Data, inner.Width), flags: KernelFlags.NoBarrier);
            Multiply(MatrixOf(feedForward.Up), input_RD, work.Up_RI);
            _target.Add(new KernelOperator
            {
                Kind = KernelKind.Activate, Y = inner.Data, YShadow = inner.Shadow, Weight2 = work.Up_RI.Data, Width = inner.Width, Activation = (long)activation,
            });
        }
        else
        {
            Multiply(MatrixOf(feedForward.Up), input_RD, inner, activation);
        }

        Multiply(MatrixOf(feedForward.Down), inner, _stream_RD, flags: KernelFlags.Accumulate);
    }

    private void Head(Work work)
    {
        var body = _model.Body;
        var output = _model.Head is { } head ? MatrixOf(head) : new Matrix(_model.OutputWeight, null, _quantized?.Find(_model.OutputWeight));
        var last = _kept_RD;
        var reader = body.ProjectOut is null ? output : MatrixOf(body.ProjectOut);
        if (body.FinalNorm is { } norm)
        {
            last = work.Normed_RD;
            Normalize(norm, _kept_RD, last, reader);
        }
        else
        {
            MakeShadow(last, reader);
        }

        if (body.ProjectOut is not null)
        {
            var narrow_RW = NewBuffer(_model.Config.EmbeddingWidth);
            narrow_RW.Shadow = ShadowFor(narrow_RW, output);
            Multiply(reader, last, narrow_RW);
            last = narrow_RW;
        }

        Multiply(output, last, new Buffer(null, _model.Config.VocabSize));
    }

    private void Embed(Buffer target, Parameter? table, Parameter? positions, KernelShadow shadow = default)
    {
        target.Shadow = shadow;
        _target.Add(new KernelOperator
        {
            Kind = KernelKind.Embed,
            Y = target.Data,
            YShadow = shadow,
            Weight = CpuKernels.Pointer(table),
            Weight2 = CpuKernels.Pointer(positions),
            Type = (long)TypeOf((table ?? positions)!),
            Width = target.Width,
            Inner = _model.Body.PositionOffset,
        });
    }

    private void Normalize(Norm norm, Buffer input, Buffer target, Matrix? reader = null)
    {
        target.Shadow = reader is null ? default : ShadowFor(target, reader);
        _target.Add(new KernelOperator
        {
            Kind = KernelKind.Norm,
            Flags = norm.Kind == NormKind.Layer ? KernelFlags.LayerNorm : KernelFlags.None,
            X = input.Data,
            Y = target.Data,
            YShadow = target.Shadow,
            Weight = Floats(norm.weight),
            Bias = Floats(norm.bias),
            Width = target.Width,
            Epsilon = (float)norm.Epsilon,
        });
    }

    private void Multiply(
        Matrix matrix, Buffer input, Buffer target, KernelActivation activation = KernelActivation.None, KernelFlags flags = KernelFlags.None)
    {
        _target.Add(new KernelOperator
        {
            Kind = KernelKind.Linear,
            Flags = flags,
            X = input.Data,
            XShadow = input.Shadow,
            Y = target.Data,
            YShadow = flags.HasFlag(KernelFlags.Accumulate) ? default : target.Shadow,
            Weight = CpuKernels.Pointer(matrix.Quantized?.Data ?? matrix.Weight),
            Scales = CpuKernels.Pointer(matrix.Quantized?.Scales),
            Type = (long)(matrix.Quantized is null ? TypeOf(matrix.Weight) : KernelType.Q8),
            Bias = Floats(matrix.Bias),
            Width = target.Width,
            Inner = input.Width,
            Activation = (long)activation,
        });
    }

    private void MakeShadow(Buffer buffer, Matrix reader)
    {
        buffer.Shadow = ShadowFor(buffer, reader);
        if (buffer.Shadow.Data != null)
        {
            _target.Add(new KernelOperator { Kind = KernelKind.Convert, X = buffer.Data, YShadow = buffer.Shadow, Width = buffer.Width });
        }
    }

    /// <summary>Room for a buffer's copy in the type that a matrix reads; none where the matrix reads single precision.</summary>
    private KernelShadow ShadowFor(Buffer buffer, Matrix reader)
    {
        var quantized = reader.Quantized is not null;
        if (!quantized && !(TypeOf(reader.Weight) == KernelType.BFloat16 && CpuKernels.RoundsActivations))
        {
            return default;
        }

        var type = quantized ? KernelType.Q8 : KernelType.BFloat16;
        if (buffer.Room.Data == null)
        {
            buffer.Room = new KernelShadow
            {
                Data = Keep(empty([_maxRows, buffer.Width], dtype: quantized ? ScalarType.Int8 : ScalarType.BFloat16)),
                Scales = quantized ? Keep(empty([_maxRows, buffer.Width / 32], dtype: ScalarType.Float32)) : null,
                Type = (long)type,
            };
        }

        return buffer.Room;
    }

    /// <summary>
    /// What a projection multiplies with. An active adapter's update is added to a copy, once: the product would otherwise be three.
    /// </summary>
    private Matrix MatrixOf(Projection projection)
    {
        if (!_matrices.TryGetValue(projection, out var matrix))
        {
            using var scope = NewDisposeScope();
            var weight = projection.EffectiveWeight();
            var plain = ReferenceEquals(weight, projection.weight);
            if (!plain && !ReferenceEquals(weight, projection.Original?.weight))
            {
                Keep(weight);
            }

            var bias = projection is { AdapterDisabled: true, Original: { } original } ? original.bias : projection.bias;
            matrix = new Matrix(weight, bias, plain ? _quantized?.Find(projection.weight) : null);
            _matrices.Add(projection, matrix);
        }

        return matrix;
    }

    private static KernelType TypeOf(Tensor weight) => weight.dtype == ScalarType.BFloat16 ? KernelType.BFloat16 : KernelType.Float32;

    private Buffer NewBuffer(long width) => new(Keep(empty([_maxRows, width], dtype: ScalarType.Float32)), width);

    /// <summary>Vectors are read in single precision; those of another type are copied, they are small.</summary>
    private float* Floats(Parameter? vector) => vector is null ? null
        : vector.dtype == ScalarType.Float32 ? (float*)CpuKernels.Pointer(vector)
        : Keep(vector.to_type(ScalarType.Float32));

    private float* Keep(Tensor? tensor)
    {
        if (tensor is null)
        {
            return null;
        }

        _owned.Add(tensor.DetachFromDisposeScope());
        return (float*)CpuKernels.Pointer(tensor);
    }

    /// <summary>A matrix, its bias and its 8-bit copy, if there are any.</summary>
    private sealed record Matrix(Tensor Weight, Parameter? Bias, (Tensor Data, Tensor Scales)? Quantized);

    /// <summary>Rows of activations, and their copy in the type of the matrix that reads them last.</summary>
    private sealed class Buffer(float* data, long width)
    {
        public float* Data { get; } = data;

        public long Width { get; } = width;

        public KernelShadow Shadow { get; set; }

        /// <summary>The memory of <see cref="Shadow"/>, made once.</summary>
        public KernelShadow Room { get; set; }
    }

    /// <summary>Buffers that every layer uses anew.</summary>
    private sealed record Work(Buffer Normed_RD, Buffer Second_RD, Buffer Mixed_RQ, Buffer Qkv, Buffer Inner_RI, Buffer Up_RI);

    private sealed class Tables(float* cos, float* sin, float* slopes)
    {
        public float* Cos { get; } = cos;

        public float* Sin { get; } = sin;

        public float* Slopes { get; } = slopes;
    }
}
