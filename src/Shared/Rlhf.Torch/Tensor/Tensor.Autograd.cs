using TorchSharp.Native;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        /// <summary>Whether gradients are computed for it.</summary>
        public bool requires_grad
        {
            get
            {
                var required = NativeMethods.rt_requires_grad(Handle) != 0;
                GC.KeepAlive(this);
                return required;
            }

            set
            {
                Aten.Check(NativeMethods.rt_set_requires_grad(Handle, value ? 1 : 0));
                GC.KeepAlive(this);
            }
        }

        /// <summary>
        /// The gradient <see cref="backward()"/> accumulated, or null. Every read gives a new object that shares the memory.
        /// </summary>
        public Tensor? grad
        {
            get
            {
                Aten.Check(NativeMethods.rt_grad(Handle, out var gradient));
                GC.KeepAlive(this);
                return OrNull(gradient);
            }

            set
            {
                Aten.Check(NativeMethods.rt_set_grad(Handle, value?.Handle ?? 0));
                GC.KeepAlive(this);
                GC.KeepAlive(value);
            }
        }

        /// <summary>Whether it was made by the program, not by an operator that records gradients.</summary>
        public bool is_leaf
        {
            get
            {
                var leaf = NativeMethods.rt_is_leaf(Handle) != 0;
                GC.KeepAlive(this);
                return leaf;
            }
        }

        /// <summary>Sets whether gradients are computed for it; returns itself.</summary>
        public Tensor requires_grad_(bool requires_grad = true)
        {
            this.requires_grad = requires_grad;
            return this;
        }

        /// <summary>Sets whether gradients are computed for it; returns itself.</summary>
        public Tensor with_requires_grad(bool requires_grad = true) => requires_grad_(requires_grad);

        /// <summary>Adds the gradient of this scalar to <see cref="grad"/> of every leaf it depends on.</summary>
        public void backward() => autograd.backward(this);

        /// <summary>Adds the gradient of this tensor, weighted by <paramref name="grad_tensors"/>, to every leaf it depends on.</summary>
        public void backward(IList<Tensor>? grad_tensors = null, bool retain_graph = false, bool create_graph = false, IList<Tensor>? inputs = null) =>
            autograd.backward([this], grad_tensors, retain_graph, create_graph, inputs);

        /// <summary>Keeps the gradient of a tensor that is no leaf, too.</summary>
        public void retain_grad() => Aten.CallVoid("retain_grad", this);

        /// <summary>The same memory, outside every graph.</summary>
        public Tensor detach() => Aten.Call("detach", this);

        /// <summary>Takes it out of its graph; returns itself.</summary>
        public Tensor detach_() => Aten.CallInPlace(this, "detach_", this);

        /// <summary>Replaces memory and type by those of another tensor; object, graph position and handle stay.</summary>
        internal void SetData(Tensor data)
        {
            Aten.Check(NativeMethods.rt_set_data(Handle, data.Handle));
            GC.KeepAlive(this);
            GC.KeepAlive(data);
        }
    }
}
