using System.Runtime.CompilerServices;
using TorchSharp.Native;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        /// <summary>Indexes as Python does: integers drop a dimension, slices narrow it, None adds one, tensors select.</summary>
        [IndexerName("TensorItems")]
        public Tensor this[params TensorIndex[] indices]
        {
            get => index(indices);
            set => index_put_(value, indices);
        }

        /// <summary>The elements at index tensors (int64) or where a mask is true.</summary>
        [IndexerName("TensorItems")]
        public Tensor this[params Tensor[] indices]
        {
            get => index(indices);
            set => index_put_(value, indices);
        }

        /// <summary>The slice at an index of the first dimension; shares memory.</summary>
        [IndexerName("TensorItems")]
        public Tensor this[long i1]
        {
            get => select(0, i1);
            set => Put([i1], value);
        }

        /// <summary>The slice at indices of the first two dimensions; shares memory.</summary>
        [IndexerName("TensorItems")]
        public Tensor this[long i1, long i2]
        {
            get => At(i1, i2);
            set => Put([i1, i2], value);
        }

        /// <summary>The slice at indices of the first three dimensions; shares memory.</summary>
        [IndexerName("TensorItems")]
        public Tensor this[long i1, long i2, long i3]
        {
            get => At(i1, i2, i3);
            set => Put([i1, i2, i3], value);
        }

        /// <summary>The slice at indices of the first four dimensions; shares memory.</summary>
        [IndexerName("TensorItems")]
        public Tensor this[long i1, long i2, long i3, long i4]
        {
            get => At(i1, i2, i3, i4);
            set => Put([i1, i2, i3, i4], value);
        }

        /// <summary>Indexes as Python does; without index tensors the result shares memory.</summary>
        public Tensor index(params TensorIndex[] indices)
        {
            using var scope = NewDisposeScope();
            var (view, tensors) = Resolve(indices);
            var result = tensors is null ? view : Aten.Call("index.Tensor", view, Arg.Tensors(tensors));

            // x[...] and x[:] are the tensor itself; the caller gets an object of its own, as from any other index.
            return scope.MoveToOuter(ReferenceEquals(result, this) ? alias() : result);
        }

        /// <summary>The elements at index tensors (int64) or where a mask is true; a copy.</summary>
        public Tensor index(params Tensor[] indices) => Aten.Call("index.Tensor", this, Arg.Tensors(indices));

        /// <summary>Writes the value (broadcast) to the indexed elements; returns itself.</summary>
        public Tensor index_put_(Tensor value, params TensorIndex[] indices) => index_put_(value, indices, false);

        /// <summary>Writes the value to the indexed elements, or adds it to them; returns itself.</summary>
        public Tensor index_put_(Tensor value, TensorIndex[] indices, bool accumulate = false)
        {
            using var scope = NewDisposeScope();
            var (view, tensors) = Resolve(indices);
            if (tensors is not null)
            {
                Aten.CallInPlace(view, "index_put_", view, Arg.Tensors(tensors), value, accumulate);
            }
            else if (accumulate)
            {
                view.add_(value);
            }
            else
            {
                view.copy_(value);
            }

            return this;
        }

        /// <summary>Writes a number to the indexed elements; returns itself.</summary>
        public Tensor index_put_(Scalar value, params TensorIndex[] indices)
        {
            using var scope = NewDisposeScope();
            return index_put_(full(Array.Empty<long>(), value, dtype, device), indices, false);
        }

        /// <summary>Writes the value (broadcast) at index tensors or where a mask is true; returns itself.</summary>
        public Tensor index_put_(Tensor value, params Tensor[] indices) => index_put_(value, indices, false);

        /// <summary>Writes the value at index tensors or where a mask is true, or adds it there; returns itself.</summary>
        public Tensor index_put_(Tensor value, Tensor[] indices, bool accumulate = false) =>
            Aten.CallInPlace(this, "index_put_", this, Arg.Tensors(indices), value, accumulate);

        private Tensor At(params ReadOnlySpan<long> indices)
        {
            var view = select(0, indices[0]);
            foreach (var index in indices[1..])
            {
                using var outer = view;
                view = outer.select(0, index);
            }

            return view;
        }

        private void Put(ReadOnlySpan<long> indices, Tensor value)
        {
            using var target = At(indices);
            target.copy_(value);
        }

        /// <summary>
        /// Applies integers, slices, None and the ellipsis as views; index tensors are collected, one entry per dimension of the view, null
        /// for the dimensions they do not touch. The views belong to the current scope.
        /// </summary>
        private (Tensor View, Tensor?[]? Tensors) Resolve(TensorIndex[] indices)
        {
            var consumed = indices.Sum(index => index.Dimensions);
            var dimensions = (int)dim();
            if (consumed > dimensions)
            {
                throw new ArgumentException($"too many indices for tensor of dimension {dimensions}: {consumed}");
            }

            if (indices.Count(index => index.kind == TensorIndex.Kind.Ellipsis) > 1)
            {
                throw new ArgumentException("An index can contain the ellipsis only once.");
            }

            var view = this;
            List<Tensor?> tensors = [];
            var any = false;
            var at = 0;

            // One entry of tensors per dimension before `at`.
            void Skip(int count)
            {
                at += count;
                tensors.AddRange(Enumerable.Repeat<Tensor?>(null, count));
            }

            foreach (var index in indices)
            {
                switch (index.kind)
                {
                    case TensorIndex.Kind.None or TensorIndex.Kind.Null:
                        view = view.unsqueeze(at);
                        Skip(1);
                        break;
                    case TensorIndex.Kind.Ellipsis:
                        Skip(dimensions - consumed);
                        break;
                    case TensorIndex.Kind.Single:
                        view = view.select(at, index.start!.Value);
                        break;
                    case TensorIndex.Kind.Slice:
                        if (index.start is not null || index.stop is not null || index.step is not null)
                        {
                            view = Aten.Call("slice.Tensor", view, at, index.start, index.stop, index.step ?? 1);
                        }

                        Skip(1);
                        break;
                    case TensorIndex.Kind.Bool:
                        view = view.unsqueeze(at);
                        tensors.Add(tensor(new[] { index.start == 1 }, device: device));
                        at++;
                        any = true;
                        break;
                    default:
                        var selector = index.tensor!;
                        tensors.Add(selector.device_type == view.device_type ? selector : selector.to(view.device));
                        at += index.Dimensions;
                        any = true;
                        break;
                }
            }

            return (view, any ? [.. tensors] : null);
        }
    }
}
