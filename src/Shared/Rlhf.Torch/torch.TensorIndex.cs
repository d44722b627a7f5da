namespace TorchSharp;

public static partial class torch
{
    /// <summary>One item of an index expression: an integer, a slice, a tensor, a new dimension, or the ellipsis.</summary>
    public readonly struct TensorIndex
    {
        internal readonly Kind kind;
        internal readonly long? start;
        internal readonly long? stop;
        internal readonly long? step;
        internal readonly Tensor? tensor;

        private TensorIndex(Kind kind, long? start = null, long? stop = null, long? step = null, Tensor? tensor = null)
        {
            this.kind = kind;
            this.start = start;
            this.stop = stop;
            this.step = step;
            this.tensor = tensor;
        }

        internal enum Kind
        {
            Null,
            None,
            Ellipsis,
            Single,
            Slice,
            Bool,
            Tensor,
        }

        /// <summary>All dimensions that the other items leave.</summary>
        public static readonly TensorIndex Ellipsis = new(Kind.Ellipsis);

        /// <summary>A new dimension of size 1.</summary>
        public static readonly TensorIndex None = new(Kind.None);

        /// <summary>A new dimension of size 1.</summary>
        public static readonly TensorIndex Null = new(Kind.Null);

        /// <summary>A whole dimension.</summary>
        public static readonly TensorIndex Colon = new(Kind.Slice);

        /// <summary>The dimensions of the indexed tensor it uses up.</summary>
        internal int Dimensions => kind switch
        {
            Kind.Single or Kind.Slice => 1,

            // A mask stands for as many dimensions as it has.
            Kind.Tensor => tensor!.dtype is ScalarType.Bool or ScalarType.Byte ? (int)tensor.dim() : 1,
            _ => 0,
        };

        /// <summary>start:stop:step, each optional.</summary>
        public static TensorIndex Slice(long? start = null, long? stop = null, long? step = null) => new(Kind.Slice, start, stop, step);

        /// <summary>One position; the dimension is dropped.</summary>
        public static TensorIndex Single(long? index) => index is null ? None : new(Kind.Single, index);

        /// <summary>A new dimension of size 1, or of size 0 when false.</summary>
        public static TensorIndex Bool(bool value) => new(Kind.Bool, value ? 1 : 0);

        /// <summary>Positions (int64), or a mask.</summary>
        public static TensorIndex Tensor(Tensor? tensor) => tensor is null ? None : new(Kind.Tensor, tensor: tensor);

        /// <summary>One position.</summary>
        public static implicit operator TensorIndex(long value) => Single(value);

        /// <summary>Only guides overload resolution between the two indexers, as in TorchSharp; it is never called.</summary>
        public static implicit operator Tensor(TensorIndex value) => throw new InvalidOperationException("Should not be called.");

        /// <summary>The slice from start to end; each may be null.</summary>
        public static implicit operator TensorIndex((int? start, int? end) range) => Slice(range.start, range.end);

        /// <summary>C#'s range: 1..^1 is Python's 1:-1.</summary>
        public static implicit operator TensorIndex(Range range)
        {
            long? from = range.Start.IsFromEnd ? -1 * range.Start.Value : range.Start.Value;
            var to = range.End.IsFromEnd && range.End.Value == 0 ? (long?)null : range.End.IsFromEnd ? -1 * range.End.Value : range.End.Value;
            return Slice(from, to);
        }

        /// <summary>C#'s index: ^1 is Python's -1.</summary>
        public static implicit operator TensorIndex(Index index) => Single(index.IsFromEnd ? -1 * index.Value : index.Value);
    }
}
