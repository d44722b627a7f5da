// Oblivious to null as TorchSharp is: a saved tensor or value may be null.
#nullable disable annotations

namespace TorchSharp;

public static partial class torch
{
    public static partial class autograd
    {
        /// <summary>What the forward pass of a custom function keeps for its backward pass. It lives as long as the graph does.</summary>
        public class AutogradContext : IDisposable
        {
            private List<Tensor> toSave = [];
            private Dictionary<string, object> data;
            private int savedCount;

            internal AutogradContext()
            {
            }

            /// <summary>Whether the backward pass gets zeros for an output whose gradient is not known to differ from zero.</summary>
            public bool MaterializeGrads { get; private set; } = true;

            internal List<Tensor> NonDifferentiable { get; private set; } = [];

            internal List<Tensor> Dirty { get; private set; } = [];

            internal List<Tensor> ToSave => toSave ?? [];

            internal FunctionNode Node { get; set; }

            /// <summary>
            /// Keeps tensors for the backward pass, inputs and outputs of the function for instance; null elements come back as null.
            /// They are released after the backward pass unless that retains the graph.
            /// </summary>
            public void save_for_backward(List<Tensor> tensors) => toSave = tensors;

            /// <summary>Keeps anything that is not a tensor for the backward pass. A tensor belongs in <see cref="save_for_backward"/>.</summary>
            public void save_data(string key, object value) => (data ??= [])[key] = value;

            /// <summary>Says which inputs the forward pass changed in place; it must return them.</summary>
            public void mark_dirty(List<Tensor> tensors) => Dirty = [.. tensors];

            /// <summary>Says which outputs have no gradient.</summary>
            public void mark_non_differentiable(List<Tensor> tensors) => NonDifferentiable = [.. tensors];

            /// <summary>
            /// Whether the backward pass gets zeros for an output without gradient (the default), or a tensor that
            /// <see cref="Tensor.IsInvalid">is invalid</see>.
            /// </summary>
            public void set_materialize_grads(bool value) => MaterializeGrads = value;

            /// <summary>The tensors given to <see cref="save_for_backward"/>, as new objects that share the memory.</summary>
            /// <exception cref="System.Runtime.InteropServices.ExternalException">
            /// One was changed in place since, or they were released by an earlier backward pass.
            /// </exception>
            public List<Tensor> get_saved_variables() => Node?.Saved(savedCount) ?? [];

            /// <summary>What was kept under the key, or null.</summary>
            public object get_data(string key) => data is not null && data.TryGetValue(key, out var value) ? value : null;

            /// <summary>Drops what was kept that is not a tensor. The tensors belong to the graph.</summary>
            public void Dispose()
            {
                Dispose(true);
                GC.SuppressFinalize(this);
            }

            /// <summary>Drops what was kept that is not a tensor.</summary>
            protected virtual void Dispose(bool disposing)
            {
                data = null;
                toSave = null;
            }

            // The native node holds the saved tensors from here on. Objects kept here too would keep the graph alive, which keeps this.
            internal void Saved()
            {
                savedCount = ToSave.Count;
                toSave = null;
                NonDifferentiable = [];
                Dirty = [];
            }
        }
    }
}
